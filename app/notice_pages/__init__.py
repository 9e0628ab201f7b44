"""Pages about notices, for administrators: what is waiting, what failed, and who has no address."""
