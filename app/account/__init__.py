"""The user's account, as far as AWS shows it to every user."""

from app.account.views import bp

__all__ = ["bp"]
