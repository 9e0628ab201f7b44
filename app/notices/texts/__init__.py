"""The texts of notices, with one function for each kind."""
