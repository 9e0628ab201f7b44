"""The Terraform module uses arguments that the AWS provider has, and sets those that it requires.

No package has Terraform itself. CDK Terrain's bindings are generated from the schema of the provider's version
6.69.1, and have a module for each resource.
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import hcl2
import pytest

from tests.release.conftest import run
from tests.support.sandbox import ROOT

BINDINGS = "cdktn-provider-aws==25.8.1"
OF_TERRAFORM = {"for_each", "count", "depends_on", "lifecycle", "dynamic", "__comments__", "__inline_comments__"}
UNTYPED = {"aws_wafv2_web_acl.rule.statement"}
"""Blocks in which the bindings accept anything."""


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("bindings")
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", folder, BINDINGS)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        yield opened


def plain(label: str) -> str:
    return label.strip('"')


def used() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, type and contents of all blocks that are the AWS provider's."""
    for file in sorted((ROOT / "deploy/terraform").glob("*.tf")):
        parsed = hcl2.loads(file.read_text())
        for kind in ("resource", "data", "ephemeral"):
            for block in parsed.get(kind, []):
                for label, named in block.items():
                    for name, contents in named.items() if plain(label).startswith("aws_") else ():
                        if not name.startswith("__"):
                            yield kind, plain(label), contents


def source(bindings: zipfile.ZipFile, kind: str, label: str) -> str:
    """The module for a resource. It is called like the resource, without `aws_` where it is one."""
    name = label.removeprefix("aws_") if kind == "resource" else f"{kind}_{label}"
    return bindings.read(f"cdktn_provider_aws/{name}/__init__.py").decode()


def arguments(contents: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Each argument and block, also within blocks, with where it is."""
    for label, value in contents.items():
        name = plain(label)
        if name in OF_TERRAFORM or name.startswith("__"):
            continue
        yield path, name
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict) and "__is_block__" in inner and f"{path}.{name}" not in UNTYPED:
                yield from arguments(inner, f"{path}.{name}")


def known(module: str) -> set[str]:
    """Names of all arguments of a resource and its blocks."""
    mappings = re.findall(r"name_mapping=\{(.*?)\}", module, re.DOTALL)
    return set(re.findall(r'"(\w+)": "\w+"', " ".join(mappings)))


def required(module: str) -> set[str]:
    """Names of the arguments without which a resource can't be made: parameters without a default."""
    for node in ast.parse(module).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):  # the first is the resource's
            start = next(each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
            named = zip(start.args.kwonlyargs, start.args.kw_defaults, strict=True)
            return {argument.arg for argument, default in named if default is None}
    raise LookupError("no resource")


def test_the_provider_has_every_argument_that_is_used(bindings: zipfile.ZipFile) -> None:
    unknown, looked_at = set(), 0
    for kind, label, contents in used():
        names = known(source(bindings, kind, label))
        for path, name in arguments(contents, label):
            looked_at += 1
            if name not in names:
                unknown.add(f"{path}.{name}")
    assert not unknown and looked_at > 200


def test_every_required_argument_is_set(bindings: zipfile.ZipFile) -> None:
    missing = set()
    for kind, label, contents in used():
        needed = required(source(bindings, kind, label))
        given = {plain(name) for name in contents}
        missing |= {f"{label}.{name}" for name in needed - given}
    assert not missing
    assert required(source(bindings, "resource", "aws_lb_listener")) == {"load_balancer_arn", "default_action"}
