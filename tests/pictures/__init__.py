"""`make pictures`: the pictures of README and docs/, made from the real pages in one go."""
