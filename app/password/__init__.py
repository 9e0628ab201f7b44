"""The console password."""

from app.password.views import bp, judging

__all__ = ["bp", "judging"]
