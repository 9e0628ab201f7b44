"""Notices from compliance data: reminders, changes outside of the portal, summaries and alerts; and the calendar."""
