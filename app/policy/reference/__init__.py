"""What AWS documents about its actions, condition keys and resources: tables and look-ups."""
