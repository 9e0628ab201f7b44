"""MFA devices: set up, MFA sessions, the list of devices, and help where codes or devices fail."""

from app.mfa import device_views, rescue_views, session_views  # noqa: F401 # they add their pages
from app.mfa.views import bp

__all__ = ["bp"]
