"""Notices: what the portal tells people outside of its pages.

A notice is a row, written in the transaction of the event it is about (`app.notices.outbox`). Workers send it
(`app.notices.worker`) through channels (`app.notices.channels`).
"""
