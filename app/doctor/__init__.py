"""`latchkey doctor`: looks at an installation from outside of the portal, and says what to fix.

It asks only what the portal itself uses: its database, Redis, the endpoints of AWS without a signature, and its own
address. It needs no AWS credentials, changes nothing, and never repeats the value of a setting.
"""
