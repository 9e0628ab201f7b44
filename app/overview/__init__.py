"""The first page: who is signed in, whether MFA is on, and what to do next."""

from app.overview.views import bp

__all__ = ["bp"]
