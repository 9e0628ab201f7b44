"""Programs that know the Compose specification read compose.yaml as docker compose does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.release.conftest import run, tool
from tests.support.sandbox import ROOT

COMPOSE = ROOT / "deploy/compose.yaml"
READ = """
import sys, compose_spec
options = compose_spec.PyOptions()
options.apply_merge = True
whole = options.from_yaml(open(sys.argv[1]).read())
whole.validate()
print(*sorted(whole.service_names()))
"""


def services(file: Path) -> list[str]:
    """What a parser of the Compose specification finds in a file. It also looks for secrets that are not defined."""
    uv = ROOT / ".venv/bin/uv"
    said = run(uv, "run", "-q", "--no-project", "--with", "compose-spec==0.2.1", "python", "-c", READ, file)
    return said.split()


def test_a_parser_reads_the_composition() -> None:
    assert services(COMPOSE) == ["migrate", "nginx", "portal", "postgres", "redis", "worker"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("profiles: [notices]", "profile: [notices]"),
        ("secrets: [redis_password]", "secrets: [redis_pasword]"),
        ("condition: service_healthy", "condition: healthy"),
    ],
)
def test_the_parser_would_find_a_mistake(tmp_path: Path, right: str, wrong: str) -> None:
    file = tmp_path / "compose.yaml"
    text = COMPOSE.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    with pytest.raises(AssertionError, match="ValueError"):
        services(file)


def test_the_schema_of_the_specification_accepts_the_composition() -> None:
    tool("check-jsonschema==0.39.0", "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
