"""The Helm chart's values: what the schema accepts, and that templates use only values that exist.

tests/release/test_chart.py renders the chart with Helm.
"""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from app import __version__
from tests.deploy import lists
from tests.support.sandbox import ROOT

CHART = ROOT / "deploy/helm/latchkey"
SCHEMA = json.loads(lists.SCHEMA.read_text())
NEEDED = {"ACCOUNTS": "123456789012", "PUBLIC_URL": "https://latchkey.example.com"}


def values(**changed: Any) -> dict[str, Any]:
    """The chart's defaults with what is required, and changes of whole sections."""
    defaults: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    defaults["settings"] |= NEEDED
    return defaults | changed


def refused(given: dict[str, Any]) -> str:
    """What the schema says about values that it must not accept."""
    with pytest.raises(jsonschema.ValidationError) as told:
        jsonschema.validate(given, SCHEMA)
    return told.value.message


def test_the_schema_accepts_the_defaults_and_every_setting() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(values(), SCHEMA)
    all_settings = dict.fromkeys(lists.plain(), "1") | NEEDED
    all_secrets = {"name": "latchkey", "keys": lists.secrets()}
    jsonschema.validate(values(settings=all_settings, secrets=all_secrets), SCHEMA)


def test_the_schema_refuses_what_would_only_fail_later() -> None:
    assert "'PUBLIC_URL' is a required property" in refused(values(settings={"ACCOUNTS": "123456789012"}))
    assert "PORTAL_URL" in refused(values(settings={**NEEDED, "PORTAL_URL": "x"}))
    assert "SMTP_PASSWORD" in refused(values(settings={**NEEDED, "SMTP_PASSWORD": "in-the-clear"}))
    assert "123456789012" in refused(values(settings={**NEEDED, "ACCOUNTS": 123456789012})), "a number loses digits"
    assert "http://" in refused(values(settings={**NEEDED, "PUBLIC_URL": "http://latchkey.example.com"}))
    assert "BRAND_NAME" in refused(values(secrets={"name": "latchkey", "keys": ["BRAND_NAME"]}))
    assert refused(values(secrets={"name": "latchkey", "keys": ["SECRET_KEY", "AUDIT_KEYS"]}))
    assert refused(values(image={"repository": "latchkey", "digest": "latest"}))
    assert "replica" in refused(values(replica=3))
    assert refused(values(networkPolicy={"from": [{}]})) == "{} should be non-empty", "that would be everyone"
    assert "namespace" in refused(values(networkPolicy={"from": [{"namespace": "ingress-nginx"}]}))


def test_templates_use_only_values_that_exist() -> None:
    known = values()
    used = set()
    for template in (CHART / "templates").iterdir():
        used |= set(re.findall(r"\.Values\.([\w.]+)", template.read_text()))
    for path in used:
        here: Any = known
        for part in path.split("."):
            assert isinstance(here, dict) and part in here, path
            here = here[part]
            if path.startswith("settings."):
                break
    assert {path.split(".")[0] for path in used} == set(known), "a value that does nothing"


def test_the_chart_has_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
