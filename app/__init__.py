"""Latchkey. Only the version is here, so that every part loads without the others."""

__version__ = "1.0.0"
