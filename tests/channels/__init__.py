"""Notices: their texts, the channels that send them, and what can go wrong on the way."""
