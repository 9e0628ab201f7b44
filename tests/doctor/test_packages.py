"""Python packages that are missing: the doctor names them, says how to install them, and checks the rest."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.portal import Portal
from tests.support.sandbox import ROOT, free_port

Told = dict[str, list[dict[str, Any]]]
"""Findings by code."""


@pytest.fixture
def doctor_without(tmp_path: Path, portal: Portal) -> Callable[..., Told]:
    """Run it with the packages of this environment, except some. It must end as it does after problems."""

    def run(*names: str, **settings: str) -> Told:
        site = tmp_path / "site-packages"
        site.mkdir()
        for each in Path(sysconfig.get_path("purelib")).iterdir():
            if each.name.partition("-")[0] not in names:
                (site / each.name).symlink_to(each)
        command = [sys.executable, "-S", "-P", "-m", "app.cli", "doctor", "--json"]
        env = {**portal.environment, **settings, "PYTHONPATH": f"{ROOT}:{site}"}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr == "", done.stdout + done.stderr
        found: Told = {}
        for finding in json.loads(done.stdout)["findings"]:
            found.setdefault(finding["code"], []).append(finding)
        return found

    return run


def test_the_driver_of_the_database_is_missing(doctor_without: Callable[..., Told]) -> None:
    url = f"postgresql+psycopg://latchkey:hunter22@127.0.0.1:{free_port()}/latchkey"
    found = doctor_without("psycopg", "psycopg_binary", DATABASE_URL=url)
    of_database, of_lock = found["package-missing"]
    assert of_database["says"] == "DATABASE_URL needs the Python package psycopg, which isn’t installed."
    assert of_lock["facts"]["packages"] == ["psycopg", "psycopg-binary"]
    assert all(f"-r {ROOT / 'requirements-serve.lock'}" in each["fix"] for each in (of_database, of_lock))
    assert found.keys() >= {"aws-reached", "public-url-reached"} and "schema-missing" not in found


def test_a_package_is_there_but_cannot_be_loaded(doctor_without: Callable[..., Told]) -> None:
    url = f"postgresql+psycopg://latchkey@127.0.0.1:{free_port()}/latchkey"
    found = doctor_without("psycopg_binary", "psycopg_c", DATABASE_URL=url, PSYCOPG_IMPL="binary")
    of_database, _ = found["package-missing"]
    assert of_database["says"].startswith("DATABASE_URL needs a Python package that can’t be loaded: ")


def test_the_client_of_redis_is_missing(doctor_without: Callable[..., Told]) -> None:
    found = doctor_without("redis", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    of_redis, _ = found["package-missing"]
    assert of_redis["says"] == "REDIS_URL needs the Python package redis, which isn’t installed."
    assert "check-failed" not in found and found["database-works"]


def test_a_package_that_only_a_page_needs_is_missing(doctor_without: Callable[..., Told]) -> None:
    found = doctor_without("zxcvbn")
    [of_lock] = found["package-missing"]
    assert of_lock["facts"]["packages"] == ["zxcvbn"] and found["database-works"]


@pytest.mark.parametrize("name", ["sqlalchemy", "orjson", "packaging"])
def test_what_the_doctor_itself_needs_is_missing(doctor_without: Callable[..., Told], name: str) -> None:
    found = doctor_without(name)
    assert name in {each for finding in found["package-missing"] for each in finding["facts"]["packages"]}
    assert "check-failed" not in found
