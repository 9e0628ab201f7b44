"""Access keys: a user's keys, notes about them, and a rotation that is checked and can be undone."""

from app.access_keys import new_views, note_views  # add their pages
from app.access_keys.views import bp

__all__ = ["bp", "new_views", "note_views"]
