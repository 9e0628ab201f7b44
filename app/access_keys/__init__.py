"""Access keys: what one has, and a rotation that is proven and can be undone."""

from app.access_keys import new_views  # adds its pages
from app.access_keys.views import bp

__all__ = ["bp", "new_views"]
