"""Helm renders the chart, and Kubernetes' schemas accept the result.

`make release-check` puts Helm into build/helm/. kubernetes-validate has the schemas of each version.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import lists
from tests.release.conftest import run, tool
from tests.support.sandbox import ROOT

HELM = ROOT / "build/helm/helm/helm"
CHART = ROOT / "deploy/helm/latchkey"
NEEDED = {"ACCOUNTS": "123456789012", "PUBLIC_URL": "https://latchkey.example.com"}
INGRESS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]
LEAST: dict[str, Any] = {"settings": NEEDED, "networkPolicy": {"from": INGRESS}}
"""Values that every installation needs."""
EVERYTHING: dict[str, Any] = {
    "settings": {name: f"of {name}" for name in lists.plain()} | NEEDED,
    "secrets": {"name": "mine", "keys": lists.secrets()},
    "image": {"digest": f"sha256:{'0' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "files": {"accounts": "123456789012\n", "logo.svg": "<svg/>"},
    "worker": {"replicas": 2},
    "ingress": {"enabled": True, "className": "nginx", "annotations": {"example.com/size": "33m"}},
    "networkPolicy": {"from": INGRESS},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "podAnnotations": {"example.com/team": "identity"},
    "podLabels": {"team": "identity"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "portal", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
"""Values that use all of the chart."""
OLDEST, NEWEST = "1.30", "1.37"
"""Versions of Kubernetes: the chart's oldest, and the newest whose schemas there are."""


def rendered(folder: Path, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What Helm would send to Kubernetes, for these values."""
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    text = run(HELM, "template", "latchkey", CHART, "--namespace", "identity", "--values", file)
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(found: Sequence[Mapping[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    (one,) = [each for each in found if each["kind"] == kind and name in ("", each["metadata"]["name"])]
    return dict(one)


def pods(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The template of each Deployment and Job, by name."""
    kinds = ("Deployment", "Job")
    return {each["metadata"]["name"]: each["spec"]["template"] for each in found if each["kind"] in kinds}


def is_in(part: Mapping[str, str], whole: Mapping[str, str]) -> bool:
    return part.items() <= whole.items()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return rendered(tmp_path_factory.mktemp("chart"), EVERYTHING)


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return rendered(tmp_path_factory.mktemp("chart"), LEAST)


def test_helm_has_nothing_to_complain_about(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(EVERYTHING))
    run(HELM, "lint", "--strict", CHART, "--values", file)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_accepts_what_is_rendered(
    tmp_path: Path, version: str, everything: list[dict[str, Any]], least: list[dict[str, Any]]
) -> None:
    for number, found in enumerate((everything, least)):
        file = tmp_path / f"{number}.yaml"
        known = [each for each in found if each["kind"] != "ServiceMonitor"]  # of Prometheus' operator
        file.write_text(yaml.safe_dump_all(known))
        said = tool("kubernetes-validate==1.37.0", "kubernetes-validate", "--strict", "-k", version, file)
        assert said.count("passed for resource") == len(known), said


def test_a_mistake_in_a_template_would_be_found(tmp_path: Path, least: list[dict[str, Any]]) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(of_kind(least, "Deployment")).replace("readOnlyRootFilesystem", "readOnlyRoot"))
    with pytest.raises(AssertionError, match="readOnlyRoot"):
        tool("kubernetes-validate==1.37.0", "kubernetes-validate", "--strict", "-k", NEWEST, file)


def test_every_pod_gets_every_setting_and_secrets_only_as_files(everything: list[dict[str, Any]]) -> None:
    for name, template in pods(everything).items():
        (container,) = template["spec"]["containers"]
        given = {each["name"]: each["value"] for each in container["env"]}
        settings = {each: value for each, value in given.items() if each in lists.plain()}
        assert settings == EVERYTHING["settings"], name
        files = {f"{each}_FILE": f"/run/secrets/latchkey/{each}" for each in lists.secrets()}
        assert given == settings | files
        volumes = {each["name"]: each for each in template["spec"]["volumes"]}
        assert {each["key"] for each in volumes["secrets"]["secret"]["items"]} == set(lists.secrets())
        assert volumes["secrets"]["secret"]["defaultMode"] == 0o440 and volumes["files"]["configMap"]
        assert container["image"] == f"latchkey@sha256:{'0' * 64}"


def test_every_pod_is_locked_down(everything: list[dict[str, Any]], least: list[dict[str, Any]]) -> None:
    assert set(pods(everything)) == {"latchkey", "latchkey-worker", "latchkey-migrate"}
    assert set(pods(least)) == {"latchkey", "latchkey-migrate"}, "no channel, so no worker"
    for template in (*pods(everything).values(), *pods(least).values()):
        spec, (container,) = template["spec"], template["spec"]["containers"]
        assert spec["automountServiceAccountToken"] is False and "serviceAccountName" not in spec
        assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        wanted = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["securityContext"] == wanted
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]
        assert [each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")] == ["/tmp"]


def test_notices_are_sent_by_a_worker_of_their_own(tmp_path: Path, least: list[dict[str, Any]]) -> None:
    mail = NEEDED | {"SMTP_SERVER": "mail.example.com"}
    found = pods(rendered(tmp_path, LEAST | {"settings": mail}))
    assert started_workers(found["latchkey"]) == "0"
    assert found["latchkey-worker"]["spec"]["containers"][0]["command"] == ["latchkey", "worker"]
    none = pods(rendered(tmp_path, LEAST | {"settings": mail, "worker": {"replicas": 0}}))
    assert set(none) == set(pods(least)) and started_workers(none["latchkey"]) is None


def started_workers(template: Mapping[str, Any]) -> str | None:
    """NOTICES_WORKERS of a pod."""
    (container,) = template["spec"]["containers"]
    return next((each["value"] for each in container["env"] if each["name"] == "NOTICES_WORKERS"), None)


def test_only_a_replica_that_cannot_live_is_restarted(least: list[dict[str, Any]]) -> None:
    (portal,) = pods(least)["latchkey"]["spec"]["containers"]
    asked = {name: portal[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert asked == {"startup": "/readyz", "readiness": "/healthz", "liveness": "/healthz"}


def test_selectors_find_the_pods_they_are_for(everything: list[dict[str, Any]]) -> None:
    labels = {name: template["metadata"]["labels"] for name, template in pods(everything).items()}
    for kind in ("Service", "PodDisruptionBudget"):
        selector = of_kind(everything, kind, "latchkey")["spec"]["selector"]
        found = {name for name, each in labels.items() if is_in(selector.get("matchLabels", selector), each)}
        assert found == {"latchkey"}, kind
    policy = of_kind(everything, "NetworkPolicy")["spec"]
    assert all(is_in(policy["podSelector"]["matchLabels"], each) for each in labels.values())
    monitor, service = of_kind(everything, "ServiceMonitor"), of_kind(everything, "Service", "latchkey")
    assert is_in(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "latchkey", "as the alerts expect"
    for deployment in (each for each in everything if each["kind"] == "Deployment"):
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert is_in(selector, labels[deployment["metadata"]["name"]])


def test_what_is_for_machines_is_not_for_the_public(everything: list[dict[str, Any]]) -> None:
    (rule,) = of_kind(everything, "Ingress")["spec"]["rules"]
    assert rule["host"] == "latchkey.example.com"
    to = {each["path"]: each["backend"]["service"]["name"] for each in rule["http"]["paths"]}
    assert to == {"/metrics": "latchkey-hidden", "/readyz": "latchkey-hidden", "/": "latchkey"}
    selector = of_kind(everything, "Service", "latchkey-hidden")["spec"]["selector"]
    assert not any(is_in(selector, each["metadata"]["labels"]) for each in pods(everything).values())
    egress = of_kind(everything, "NetworkPolicy")["spec"]["egress"]
    blocks = [each["ipBlock"] for rule in egress for each in rule.get("to", ())]
    assert {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]} in blocks, "no metadata service"


def test_only_those_whom_the_values_name_reach_the_portal(tmp_path: Path, least: list[dict[str, Any]]) -> None:
    policy = of_kind(least, "NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": 8000}], "from": INGRESS}]
    nobody: tuple[dict[str, Any], ...] = ({}, {"from": []}, {"from": None})
    for each in nobody:
        with pytest.raises(AssertionError) as told:
            rendered(tmp_path, {"settings": NEEDED, "networkPolicy": each})
        assert "networkPolicy.from: name who may reach the portal" in str(told.value)
    with pytest.raises(AssertionError, match="/networkPolicy/from/0"):
        rendered(tmp_path, {"settings": NEEDED, "networkPolicy": {"from": [{}]}})
    without = rendered(tmp_path, {"settings": NEEDED, "networkPolicy": {"enabled": False}})
    assert "NetworkPolicy" not in {each["kind"] for each in without}, "where there is no plugin for it"


def test_the_values_of_the_document_are_enough(tmp_path: Path) -> None:
    found = rendered(tmp_path, yaml.safe_load(documented_values()) | {"image": {}})
    assert {"NetworkPolicy", "Ingress", "ServiceMonitor"} <= {each["kind"] for each in found}


def documented_values() -> str:
    """The example in docs/operations.md."""
    section = (ROOT / "docs/operations.md").read_text().split("\n## Kubernetes: Helm\n")[1]
    return textwrap.dedent(section.split("```yaml\n")[1].split("```")[0])


def test_the_database_is_migrated_before_anything_else(everything: list[dict[str, Any]]) -> None:
    job = of_kind(everything, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["command"] == ["latchkey", "db", "upgrade"]
    volumes = {each["name"]: each for each in job["spec"]["template"]["spec"]["volumes"]}
    files = of_kind(everything, "ConfigMap", volumes["files"]["configMap"]["name"])
    assert files["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(files["metadata"]["annotations"]["helm.sh/hook-weight"]) < 0, "the Job needs them"


def test_a_command_runs_in_a_job_with_what_the_portal_has(tmp_path: Path) -> None:
    found = rendered(tmp_path, EVERYTHING | {"command": ["activity", "verify"]})
    job, portal = of_kind(found, "Job", "latchkey-command"), of_kind(found, "Deployment", "latchkey")
    assert "annotations" not in job["metadata"], "no hook: it is applied by itself"
    pod, like = job["spec"]["template"]["spec"], portal["spec"]["template"]["spec"]
    (container,), (serving,) = pod["containers"], like["containers"]
    assert container["command"] == ["latchkey", "activity", "verify"]
    for same in ("image", "env", "volumeMounts", "securityContext", "resources"):
        assert container[same] == serving[same], same
    assert pod["volumes"] == like["volumes"] and pod["securityContext"] == like["securityContext"]
    selected = of_kind(found, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert is_in(selected, job["spec"]["template"]["metadata"]["labels"])
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    for version in (OLDEST, NEWEST):
        tool("kubernetes-validate==1.37.0", "kubernetes-validate", "--strict", "-k", version, file)


def test_a_wrong_value_is_named(tmp_path: Path) -> None:
    for values, named in (
        ({"settings": NEEDED | {"PORTAL_URL": "x"}}, "PORTAL_URL"),
        (LEAST | {"serviceMonitor": {"enabled": True}}, "add METRICS_TOKEN to secrets.keys"),
        ({}, "ACCOUNTS"),
    ):
        with pytest.raises(AssertionError) as told:
            rendered(tmp_path, values)
        assert re.search(named, str(told.value)), named
