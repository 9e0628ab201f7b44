"""Who keeps the rules: the account's people and keys against the benchmark, for admins."""

from app.compliance.audit_views import allow_large_report
from app.compliance.audit_views import bp as audit_bp
from app.compliance.views import bp

__all__ = ["allow_large_report", "audit_bp", "bp"]
