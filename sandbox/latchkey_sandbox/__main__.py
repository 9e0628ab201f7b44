"""`python -m latchkey_sandbox`, the same as `latchkey-sandbox`."""

from latchkey_sandbox.command import main

main()
