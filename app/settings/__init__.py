"""The settings: what a line of `config.py`'s table is (`table`), and how the values are read (`kinds`, `parsers`)."""
