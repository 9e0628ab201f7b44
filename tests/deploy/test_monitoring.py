"""Alerts, runbooks and the board are about metrics that /metrics has, with labels and values that exist."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.audit.events import Event, Phase
from app.db import db
from app.errors import NoResponse, PortalError
from app.monitoring import metrics
from app.notices.schedules import WORKER, Schedules
from app.sessions.contents import Way
from tests.docs.pages import lines
from tests.docs.test_pages import anchors
from tests.support.inside import BASE, get, portal_at
from tests.support.sandbox import ROOT

RULES = ROOT / "deploy/prometheus/latchkey.rules.yaml"
STORIES = Path(__file__).with_name("alerts.yaml")
BOARD = ROOT / "deploy/grafana/latchkey.json"
RUNBOOKS = ROOT / "docs/runbooks.md"
TOKEN = "t" * 20
OURS = re.compile(r"(\b(?:latchkey_\w+|up)\b)(?:\{([^}]*)\})?")
OF_PROMETHEUS = {"up": {"job", "instance"}}
"""What Prometheus adds to each target it reads."""


def promtool(*arguments: str | Path) -> None:
    """Run promtool (of Debian's package prometheus). What it finds is an error."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, object]]:
    return [panel for panel in json.loads(BOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    """What alerts and the board ask, as Prometheus gets it."""
    asked = [str(rule["expr"]) for rule in rules()]
    for panel in panels():
        asked += [target["expr"].replace("$__rate_interval", "5m") for target in panel["targets"]]  # type: ignore[attr-defined] # JSON
    return asked


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    channel = {"SMTP_SERVER": "127.0.0.1:9", "SMTP_SECURITY": "plain", "SMTP_FROM": "latchkey@example.com"}
    app = portal_at(tmp_path / "portal.db", METRICS_TOKEN=TOKEN, **channel)
    with app.app_context():
        yield app
        db.engine.dispose()


def labels_that_exist(portal: Flask) -> Mapping[str, set[str]]:
    """Each metric of /metrics with its labels, once there is something to count."""
    get(portal.test_client(), "/sign-in")
    metrics.aws_answered("iam:ListUsers", "ok", 0.1)
    metrics.aws_throttled("iam:ListUsers")
    for event in (Event.SIGN_IN, Event.MFA_DEVICE_ENABLED):
        metrics.recorded({"event": event, "phase": Phase.DONE, "target": "", "reason": ""})
    worker = Schedules(db.engine, WORKER, portal.config["NOTICES_TIME_ZONE"], [])
    worker.begin()
    worker.beat()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    text = portal.test_client().get("/metrics", base_url=BASE, headers=headers).text
    found: dict[str, set[str]] = dict(OF_PROMETHEUS)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update({*sample.labels, "instance", "job"})
    return found


def test_every_expression_asks_for_metrics_and_labels_that_exist(portal: Flask) -> None:
    exist = labels_that_exist(portal)
    asked_for = set()
    for expression in expressions():
        found = OURS.findall(expression)
        assert found, expression
        labels = set().union(*(exist.get(name, set()) for name, _ in found))
        for name, matchers in found:
            assert name in exist, expression
            asked_for.add(name)
            assert set(re.findall(r"(\w+)(?:=|!)", matchers)) <= exist[name], expression
        for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
            assert set(grouped.split(", ")) <= labels, expression
    there = {name for name in exist if name.startswith("latchkey_") and not name.endswith(("_created", "_sum"))}
    assert there <= asked_for, "a metric that nobody looks at"


def test_outcomes_and_events_in_expressions_are_those_that_are_counted() -> None:
    outcomes = {"ok", *Phase} | {kind.code for kind in kinds_of(PortalError)}
    assert NoResponse.code in outcomes
    named: dict[str, set[str]] = {}
    for expression in expressions():
        for label, values in re.findall(r'\b(\w+)(?:=~|!~|!=|=)"([^"]+)"', expression):
            named.setdefault(label, set()).update(values.split("|"))
    assert named["outcome"] <= outcomes and named["event"] <= set(Event)
    assert named.get("way", set()) <= set(Way) and named["state"] == {"dead"}
    assert set(named) <= {"outcome", "event", "way", "state", "status", "job"}


def kinds_of(kind: type[PortalError]) -> set[type[PortalError]]:
    return {kind}.union(*(kinds_of(child) for child in kind.__subclasses__()))


def test_prometheus_accepts_the_alerts_and_what_the_board_asks(tmp_path: Path) -> None:
    promtool("check", "rules", "--lint-fatal", RULES)
    board = tmp_path / "board.yaml"
    recorded = [{"record": f"asked:{number}", "expr": each} for number, each in enumerate(expressions())]
    board.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": recorded}]}))
    promtool("check", "rules", board)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    scrape = (ROOT / "deploy/prometheus/scrape.yaml").read_text()
    whole = tmp_path / "prometheus.yaml"
    whole.write_text(f"rule_files: [{RULES}]\n" + scrape.replace("/etc/prometheus/latchkey-token", str(token)))
    promtool("check", "config", whole)


def test_each_alert_fires_in_its_story_and_in_no_other() -> None:
    promtool("test", "rules", STORIES)
    told = STORIES.read_text()
    for rule in rules():
        assert f'alertname="{rule["alert"]}",alertstate="firing"' in told, rule["alert"]


def test_each_alert_says_what_happened_and_has_a_runbook() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS.read_text(), re.MULTILINE | re.DOTALL))
    for rule in rules():
        name, labels, annotations = rule["alert"], rule["labels"], rule["annotations"]
        assert isinstance(labels, dict) and isinstance(annotations, dict)
        assert labels["severity"] in {"critical", "warning"}
        assert set(annotations) == {"summary", "description", "runbook_url"}
        file, _, anchor = annotations["runbook_url"].partition("#")
        assert ROOT / file == RUNBOOKS and anchor in anchors(RUNBOOKS) and anchor == str(name).lower()
        text = sections[str(name)]
        assert text.startswith(f"\n**{labels['severity'].capitalize()}.**"), name
        assert all(f"**{part}**" in text for part in ("See it", "Do", "Over")), name
    assert set(sections) == {rule["alert"] for rule in rules()}, "a runbook without an alert"


def test_the_rules_become_a_rule_of_the_operator_as_documented(tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    typed = [line.command for line in lines("docs/operations.md") if "latchkey.rules.yaml" in line.command]
    assert len(typed) == 2
    said = ""
    for command in typed:
        made = command.partition(" | kubectl ")[0]
        said = subprocess.run(["sh", "-c", made], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    rule = yaml.safe_load(said)
    assert rule["kind"] == "PrometheusRule" and rule["metadata"]["name"] == "latchkey"
    found = [each for group in rule["spec"]["groups"] for each in group["rules"]]
    assert [each["expr"] for each in found] == [each["expr"] for each in rules()]
    published = "https://docs.example.com/latchkey/docs/runbooks.md#"
    assert all(each["annotations"]["runbook_url"].startswith(published) for each in found)


def test_the_board_has_a_place_a_title_and_an_explanation_for_every_panel() -> None:
    board = json.loads(BOARD.read_text())
    assert [each["name"] for each in board["templating"]["list"]] == ["datasource"]
    ids: set[int] = set()
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        ids.add(panel["id"])
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["title"] and panel["description"]
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert {source["uid"] for source in sources} == {"${datasource}"}
    assert len(ids) == len(board["panels"])
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", RUNBOOKS.read_text()))
    pages = {"Everyone's activity", "Notices", "Policy", "Targets"}
    assert named - pages <= {panel["title"] for panel in board["panels"]}
