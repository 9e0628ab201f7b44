"""The virtual MFA device: enrolling it, and using it for this session."""

from app.mfa.views import bp

__all__ = ["bp"]
