"""Pages about notices, for administrators: waiting, sent and failed notices, and users without an address."""
