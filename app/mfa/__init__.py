"""MFA devices: enrolling one and using it for this session; living with them; being rescued."""

from app.mfa import device_views, rescue_views  # noqa: F401 # they add their pages
from app.mfa.views import bp

__all__ = ["bp"]
