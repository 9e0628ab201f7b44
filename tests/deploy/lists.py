"""`python -m tests.deploy.lists`: writes the lists of settings that deployments have, out of the table of settings.

Run it after you added a setting. A test compares the files with what this would write.
"""

from __future__ import annotations

import json
from typing import Any

from config import SETTINGS
from tests.support.sandbox import ROOT

CREDENTIALS = ROOT / "deploy/latchkey-secrets.conf"
EXAMPLE = ROOT / "deploy/settings.env.example"
SCHEMA = ROOT / "deploy/helm/latchkey/values.schema.json"
TERRAFORM = ROOT / "deploy/terraform/settings.tf"
REQUIRED = ("ACCOUNTS", "PUBLIC_URL")
"""Settings that every installation needs and that aren't secret."""
ALWAYS = ("SECRET_KEY", "AUDIT_KEYS")
"""Secret settings that every installation needs."""
_GENERATED = "Written by `python -m tests.deploy.lists`, from the table of settings."


def secrets() -> list[str]:
    """Names of the settings that are never in an environment file."""
    return [name for name, each in SETTINGS.items() if each.secret]


def plain() -> list[str]:
    """Names of all other settings."""
    return [name for name, each in SETTINGS.items() if not each.secret]


def example() -> str:
    """Return the file of settings that compose and systemd read."""
    head = f"""\
# Settings of Latchkey that aren't secret, for deploy/compose.yaml and the systemd units: NAME=VALUE, without
# quotation marks. What has a # before it has this default. docs/settings.md says what each of them means.
# Secret settings are files: deploy/make-secrets makes them.
# {_GENERATED}
"""
    parts = [head]
    for name in plain():
        parts.append(f"{'' if name in REQUIRED else '#'}{name}={SETTINGS[name].default}\n")
    return "".join(parts)


def credentials() -> str:
    """Return the drop-in with which systemd gives secrets to a unit."""
    parts = [
        f"""\
# Secrets of Latchkey as files, a drop-in for all systemd units. docs/operations.md says where it goes. For each
# secret that you use, write a file of its name in /etc/latchkey/secrets/ (owned by root, mode 0400), and remove the #
# before its two lines. Files of `systemd-creds encrypt` also work, with LoadCredentialEncrypted=.
# {_GENERATED}
[Service]
"""
    ]
    for name in secrets():
        mark = "" if name in ALWAYS else "#"
        parts.append(
            f"{mark}LoadCredential={name}:/etc/latchkey/secrets/{name}\n{mark}Environment={SETTINGS[name].file_name}=%d/{name}\n"
        )
    return "\n".join(parts)


def _only(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


_PEER = _only({key: {"type": "object"} for key in ("podSelector", "namespaceSelector", "ipBlock")}, minProperties=1)
"""Of a NetworkPolicy: whom it lets in. An empty one would be everyone."""


def schema() -> str:
    """Return the JSON schema of the chart's values."""
    text, count, flag = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
    anything: dict[str, Any] = {"type": "object"}
    settings: dict[str, Any] = {name: dict(text) for name in plain()}
    settings["PUBLIC_URL"] |= {"pattern": "^https://[^/]+$"}
    settings["ACCOUNTS"] |= {"pattern": r"^\d{12}(\s*,\s*\d{12})*$"}
    keys = {"type": "array", "items": {"enum": secrets()}, "uniqueItems": True}
    needed = {"allOf": [{"contains": {"const": name}} for name in ("SECRET_KEY", "AUDIT_KEYS", "DATABASE_URL")]}
    values = _only(
        {
            "global": anything,
            "image": _only(
                {
                    "repository": {**text, "minLength": 1},
                    "tag": text,
                    "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
                    "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
                }
            ),
            "imagePullSecrets": {"type": "array"},
            "replicas": count,
            "settings": _only(settings, required=list(REQUIRED)),
            "secrets": _only({"name": {**text, "minLength": 1}, "keys": keys | needed}, required=["name", "keys"]),
            "files": {"type": "object", "additionalProperties": text},
            "worker": _only({"replicas": count, "resources": anything}),
            "migrate": _only({"enabled": flag}),
            "command": {"type": "array", "items": text},
            "service": _only({"port": count}),
            "ingress": _only({"enabled": flag, "className": text, "annotations": anything, "tlsSecretName": text}),
            "networkPolicy": _only(
                {
                    "enabled": flag,
                    "from": {"type": "array", "items": _PEER},
                    "ports": {"type": "array", "items": count},
                }
            ),
            "podDisruptionBudget": _only({"enabled": flag, "maxUnavailable": {"type": ["integer", "string"]}}),
            "serviceMonitor": _only({"enabled": flag, "labels": anything, "interval": text}),
            "resources": anything,
            "podAnnotations": anything,
            "podLabels": anything,
            "nodeSelector": anything,
            "tolerations": {"type": "array"},
            "affinity": anything,
            "priorityClassName": text,
        },
        required=["settings"],
    )
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "$comment": _GENERATED, **values}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


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


WRITTEN = {EXAMPLE: example, CREDENTIALS: credentials, SCHEMA: schema, TERRAFORM: terraform}

if __name__ == "__main__":
    for file, text in WRITTEN.items():
        file.write_text(text())
