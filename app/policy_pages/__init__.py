"""Force_MFA for admins: what is in force, writing it for an account, checking one, and why it decides as it does."""

from app.policy_pages.views import bp

__all__ = ["bp"]
