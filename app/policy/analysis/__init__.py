"""What can be said of a request of which not everything is known."""
