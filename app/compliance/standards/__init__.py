"""Standards as data: each is a TOML file that says which rule judges which item, and by which numbers. Pure."""
