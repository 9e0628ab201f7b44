"""What the portal registers of these pages. Commands do without, so the package itself imports none of it."""

from app.compliance.account_figure import account_figure
from app.compliance.accounts_views import accounts
from app.compliance.auditor_views import allow_large_report
from app.compliance.batch_views import bp as audit_bp
from app.compliance.campaigns.state_views import bp as campaigns_bp
from app.compliance.evidence_views import bp as evidence_bp
from app.compliance.history_views import bp as history_bp
from app.compliance.notices.calendar_views import bp as calendar_bp
from app.compliance.policy_views import bp as policies_bp
from app.compliance.self_reported import listen
from app.compliance.session_views import bp as sessions_bp
from app.compliance.views import bp

__all__ = [
    "account_figure",
    "accounts",
    "allow_large_report",
    "audit_bp",
    "bp",
    "calendar_bp",
    "campaigns_bp",
    "evidence_bp",
    "history_bp",
    "listen",
    "policies_bp",
    "sessions_bp",
]
