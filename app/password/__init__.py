"""The console password."""

from app.password.views import bp

__all__ = ["bp"]
