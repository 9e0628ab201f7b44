"""Force_MFA for administrators: what is in force, creating it for an account, checking one, and why it decides."""

from app.policy_pages.views import bp

__all__ = ["bp"]
