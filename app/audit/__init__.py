"""The audit log: every attempt and its outcome, chained so that tampering shows."""
