"""Campaigns ask users who fail a rule to fix it by a deadline, with reminders until AWS shows that it's done."""
