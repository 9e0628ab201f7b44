"""What is known of accounts and users: read, merged, stored and queried."""
