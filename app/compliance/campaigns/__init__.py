"""Campaigns: users who fail a rule are asked to pass it by a deadline, in steps, until AWS shows that they do."""
