"""The Terraform module: it parses, hangs together, is documented, and gives nothing in it power at AWS.

Terraform itself isn't installed here, so the module was never applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import hcl2

from tests.docs.test_pages import anchors
from tests.support.sandbox import ROOT

MODULE = ROOT / "deploy/terraform"
README = (MODULE / "README.md").read_text()
SOURCES = {file.name: file.read_text() for file in sorted(MODULE.glob("*.tf"))}
WHOLE = "\n".join(SOURCES.values())
PARSED = [hcl2.loads(source) for source in SOURCES.values()]


def plain(text: object) -> str:
    """A string of the module without the quotation marks that the parser leaves in place."""
    return str(text).strip('"').replace('\\"', '"')


def blocks(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All blocks of a kind: name (`type.name` for those with a type) and contents."""
    for parsed in PARSED:
        for block in parsed.get(kind, []):
            for label, inner in block.items():
                if kind in {"variable", "output"}:
                    yield plain(label), inner
                elif label != "__is_block__":
                    for name, contents in inner.items():
                        if name != "__is_block__":
                            yield f"{plain(label)}.{plain(name)}", contents


def table(heading: str) -> dict[str, list[str]]:
    """A table of the README: what each row says after the name."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_variable_is_documented_and_used() -> None:
    told = table("Variables")
    variables = dict(blocks("variable"))
    assert set(variables) == set(told)
    for name, contents in variables.items():
        kind, default, description = told[name]
        assert kind == f"`{plain(contents['type']).removeprefix('${').removesuffix('}')}`", name
        assert (default == "required") == ("default" not in contents), name
        if "default" in contents and not isinstance(contents["default"], dict | list):
            assert default.strip("`") == plain(contents["default"]).lower(), name
        assert description == plain(contents["description"]), name
        assert re.search(rf"\bvar\.{name}\b", WHOLE.replace(SOURCES["variables.tf"], "")), f"{name} does nothing"


def test_every_output_is_documented() -> None:
    assert {name: [plain(each["description"])] for name, each in blocks("output")} == table("Outputs")


def test_everything_that_is_referred_to_exists() -> None:
    exist = {f"{kind}.{name}" for kind in ("data", "ephemeral") for name, _ in blocks(kind)}
    exist |= {name for name, _ in blocks("resource")} | {f"var.{name}" for name, _ in blocks("variable")}
    exist |= {
        f"local.{plain(name)}"
        for parsed in PARSED
        for block in parsed.get("locals", [])
        for name in block
        if not name.startswith("__")
    }
    code = re.sub(r"^\s*#.*$|(?<=description = )\".*\"", "", WHOLE, flags=re.MULTILINE)
    found = re.findall(r"(?<![\w.\"-])((?:data\.|ephemeral\.)?(?:aws|random)_\w+\.\w+|(?:var|local)\.\w+)", code)
    found += re.findall(r"\$\{((?:data\.|ephemeral\.)?(?:aws|random)_\w+\.\w+|(?:var|local)\.\w+)", code)
    assert len(set(found)) > 60 and set(found) <= exist
    unused = {name for name in exist if name.startswith(("data.", "local.", "ephemeral."))} - set(found)
    assert not unused


def test_tasks_have_no_permissions_at_aws_and_no_secret_is_written_down() -> None:
    resources = dict(blocks("resource"))
    assert "task_role_arn" not in WHOLE
    roles = {name for name in resources if name.startswith("aws_iam_role.")}
    assert roles == {"aws_iam_role.execution"}, "the one with which ECS starts tasks"
    granted = set(re.findall(r"\"([a-z0-9]+:\w+\*?)\"", SOURCES["tasks.tf"]))
    assert not {action for action in granted if action.startswith(("iam:", "sts:"))} - {"sts:AssumeRole"}
    assert not any("*" in action for action in granted)
    for argument in ("password", "secret_string", "auth_token"):
        assert not re.search(rf"^\s*{argument}\s*=", WHOLE, re.MULTILINE), "they would be in the state"
    assert 'resource "random_password"' not in WHOLE


def test_the_network_is_closed_and_storage_encrypted() -> None:
    resources = dict(blocks("resource"))
    database = resources["aws_db_instance.portal"]
    cache = resources["aws_elasticache_replication_group.portal"]
    assert plain(database["storage_encrypted"]).lower() == "true"
    assert plain(database["publicly_accessible"]).lower() == "false"
    assert plain(database["deletion_protection"]) == "${var.deletion_protection}"
    assert plain(cache["at_rest_encryption_enabled"]).lower() == "true"
    assert plain(cache["transit_encryption_enabled"]).lower() == "true"
    assert "sslmode=verify-full" in SOURCES["secrets.tf"] and '"rediss://' in SOURCES["secrets.tf"]
    entrances = {name: each for name, each in resources.items() if name.startswith("aws_vpc_security_group_ingress")}
    from_anywhere = {name for name, each in entrances.items() if "cidr_ipv4" in each or "cidr_ipv6" in each}
    assert from_anywhere == {"aws_vpc_security_group_ingress_rule.clients"}
    assert dict(blocks("variable"))["client_cidrs"]["default"] == []
    assert '"/metrics", "/readyz"' in SOURCES["load_balancer.tf"]
    assert plain(resources["aws_elasticache_parameter_group.portal"]["parameter"][0]["value"]) == "noeviction"


def test_containers_have_a_read_only_root_and_no_capabilities() -> None:
    tasks = SOURCES["tasks.tf"]
    assert "readonlyRootFilesystem = true" in tasks and 'drop = ["ALL"]' in tasks
    assert re.search(r"user\s+= \"10001\"", tasks)
    assert re.search(r"prepare = merge\(local.common, \{.*?user\s+= \"0\".*?\}\)", tasks, re.DOTALL)
    prepared = re.search(r"prepare = merge\(.*?\n  \}\)\n", tasks, re.DOTALL)
    assert prepared and "secret" not in prepared[0].partition("command")[2]


def test_the_readme_says_that_it_was_not_applied_and_its_links_lead_somewhere() -> None:
    assert "never applied" in README
    for target, anchor in re.findall(r"\]\(([^)#]+)#?([^)]*)\)", README):
        assert anchor in anchors(MODULE / target), target
