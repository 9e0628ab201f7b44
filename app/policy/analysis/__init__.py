"""Answer questions about requests of which only a part is known."""
