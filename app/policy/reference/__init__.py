"""What AWS documents of its actions, condition keys and resources: tables and look-ups."""
