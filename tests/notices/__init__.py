"""Notices: the outbox, its workers and schedules."""
