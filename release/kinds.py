"""The two images: what is in each, and what it says of itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from release import debian
from release.programs import run
from release.source import ROOT, architecture, date, version

HOME = "/opt/latchkey"
PYTHON = f"{HOME}/bin/python"
DATA = "/var/lib/latchkey"
"""The one folder that is kept: a volume."""
HEALTHY = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/{path}', timeout=4)"
ENVIRONMENT = {
    "PATH": f"{HOME}/bin:/usr/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class Kind:
    """What the two images differ in."""

    name: str
    title: str
    lock: str
    wheels: tuple[str, ...]
    """Names of Latchkey's packages that are installed, as their wheels have them."""
    entrypoint: str
    command: tuple[str, ...]
    port: int
    health: str
    """Path that answers 200 while it runs."""
    environment: dict[str, str]

    @property
    def reference(self) -> str:
        return f"{self.name}:{version()}"

    @property
    def archive(self) -> str:
        """Name of its file in dist/."""
        return f"{self.name}-{version()}-image-{architecture()}.tar.gz"


PORTAL = Kind(
    "latchkey", "Latchkey", "requirements-serve.lock", ("latchkey",), "latchkey", ("serve",), 8000, "healthz",
    {"BIND": "0.0.0.0:8000"},
)  # fmt: skip
SANDBOX = Kind(
    "latchkey-sandbox", "Latchkey's sandbox, a local AWS", "requirements.lock", ("latchkey_sandbox",),
    "latchkey-sandbox", ("--instance", DATA), 5000, "_sandbox/begun", {},
)  # fmt: skip
KINDS = (PORTAL, SANDBOX)


def configuration(kind: Kind) -> Sequence[str]:
    """Return options of `buildah config`."""
    commit = run("git", "-C", ROOT, "rev-parse", "HEAD", needed=False)
    labels = {
        "title": kind.title,
        "description": "Self-service credentials for AWS IAM users under a Force_MFA policy",
        "version": version(),
        "created": date().isoformat(),
        "licenses": "Apache-2.0",
        **({"revision": commit} if commit else {}),
    }
    healthy = [PYTHON, "-c", HEALTHY.format(port=kind.port, path=kind.health)]
    options = [f"--env={name}={value}" for name, value in (ENVIRONMENT | kind.environment).items()]
    options += [f"--label=org.opencontainers.image.{name}={value}" for name, value in labels.items()]
    return [
        *options,
        f"--user={debian.USER}:{debian.USER}",
        f"--workingdir={DATA}",
        f"--volume={DATA}",
        f"--port={kind.port}",
        "--stop-signal=SIGTERM",
        f"--entrypoint={json.dumps([kind.entrypoint])}",
        f"--cmd={json.dumps(kind.command)}",
        f"--healthcheck=CMD {shlex.join(healthy)}",
        "--healthcheck-interval=10s",
        "--healthcheck-timeout=5s",
        "--healthcheck-start-period=20s",
    ]
