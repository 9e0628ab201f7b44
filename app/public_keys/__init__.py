"""SSH keys for CodeCommit and signing certificates: one life cycle of two kinds."""

from app.public_keys.certificate_views import bp as certificates_bp
from app.public_keys.ssh_views import bp as ssh_bp

__all__ = ["certificates_bp", "ssh_bp"]
