"""Which users and accounts are compliant with the rules, for administrators."""
