"""Pages of the audit log, of your own and for administrators of all entries, and of your open sessions."""
