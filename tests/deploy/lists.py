"""`python -m tests.deploy.lists`: writes the lists of settings that deployments have, out of the table of settings.

Run it after you added a setting. A test compares the files with what this would write.
"""

from __future__ import annotations

from config import SETTINGS
from tests.support.sandbox import ROOT

TERRAFORM = ROOT / "deploy/terraform/settings.tf"
_GENERATED = "Written by `python -m tests.deploy.lists`, from the table of settings."


SECRET = {
    *(
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "EVIDENCE_KEY",
        "AUDIT_KEYS",
        "DATABASE_URL",
        "REDIS_URL",
        "METRICS_TOKEN",
    ),
    *(
        "OIDC_CLIENT_SECRET",
        "SMTP_PASSWORD",
        "WEBHOOK_SECRETS",
        "WEBHOOK_URL",
        "SLACK_WEBHOOK_URL",
        "TEAMS_WEBHOOK_URL",
    ),
}


def secrets() -> list[str]:
    """Names of the settings that are never in an environment file."""
    return [name for name in SETTINGS if name in SECRET]


def plain() -> list[str]:
    """Names of all other settings."""
    return [name for name in SETTINGS if name not in SECRET]


def terraform() -> str:
    """Return the lists that the Terraform module checks its variables against."""

    def listed(names: list[str]) -> str:
        return "".join(f'    "{name}",\n' for name in names)

    return f"""\
# {_GENERATED}
locals {{
  settings = [
{listed(plain())}  ]
  secrets = [
{listed(secrets())}  ]
}}
"""


WRITTEN = {TERRAFORM: terraform}

if __name__ == "__main__":
    for file, text in WRITTEN.items():
        file.write_text(text())
