"""README and docs/: every command works, every link leads somewhere, and the index is complete."""
