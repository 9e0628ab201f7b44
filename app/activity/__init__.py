"""The record of what was done: everyone's own, and everyone's for admins; and the sessions one has open."""

from app.activity.views import bp

__all__ = ["bp"]
