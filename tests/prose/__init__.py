"""The lint of our prose: `python -m tests.prose`, a part of `make lint`.

`rules.py` has the rules, `reading.py` finds the prose in a file. docs/development.md says how to write.
"""
