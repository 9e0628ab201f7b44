"""Notices: the mails and messages that the portal sends.

A notice is a row in the database, stored in the same transaction as the event it reports (`app.notices.outbox`).
Workers (`app.notices.worker`) send it through channels (`app.notices.channels`).
"""
