"""The command `latchkey`."""
