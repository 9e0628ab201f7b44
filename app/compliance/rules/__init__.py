"""What must be true of users and accounts, and how each rule judges what is known. Pure."""
