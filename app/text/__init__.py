"""Text from outside, cleaned: what people type, and what goes to a terminal."""
