"""The texts of notices: for each kind, a function that says it."""
