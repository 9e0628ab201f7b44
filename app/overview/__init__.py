"""Who am I, is MFA on, what to do next."""

from app.overview.views import bp

__all__ = ["bp"]
