"""The settings: `table` says what a line of `config.py`'s table is. `values` and `parsers` read the values."""
