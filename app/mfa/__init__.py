"""The virtual MFA device: enrolling it, and using it for this session."""

from app.mfa import device_views  # noqa: F401 # adds its pages
from app.mfa.views import bp

__all__ = ["bp"]
