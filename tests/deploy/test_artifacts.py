"""What a release is verified by: sums and signatures, as docs/verify.md says, and bills of materials."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release import locks, sbom, source, sums
from release.kinds import KINDS, PORTAL
from tests.docs.pages import lines
from tests.support.sandbox import ROOT

DATED = datetime(2026, 5, 3, tzinfo=UTC)
SIGNATURE, CHECKSUMS, *_ = (line.command for line in lines("docs/verify.md"))


def key(folder: Path, name: str) -> Path:
    """A new SSH key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    return folder / name


def verify(release: Path, command: str) -> int:
    """The exit status of a line of the document, typed in the folder of the release."""
    return subprocess.run(["sh", "-c", command], cwd=release, check=False, capture_output=True).returncode


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder with signed artifacts, whose contents don't matter here, and with the key to trust."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for suffix in ("-py3-none-any.whl", ".tar.gz", "-image-amd64.tar.gz", ".cdx.json"):
        (folder / f"latchkey-{source.version()}{suffix}").write_text(f"contents of {suffix}\n")
    (folder / "latchkey-0.1.0.tar.gz").write_text("of another version\n")
    sums.write(folder)
    ours = key(tmp_path, "release-key")
    sums.sign(folder, ours)
    public = ours.with_suffix(".pub").read_text()
    (folder / "allowed_signers").write_text(f'release namespaces="file" {public}')
    return folder


def test_a_release_verifies_as_the_document_says(release: Path) -> None:
    assert (release / sums.SUMS).read_text().count("\n") == 4, "the files of this version"
    assert (verify(release, SIGNATURE), verify(release, CHECKSUMS)) == (0, 0)


def test_a_changed_artifact_is_noticed(release: Path) -> None:
    with (release / f"latchkey-{source.version()}-py3-none-any.whl").open("a") as wheel:
        wheel.write("more\n")
    assert verify(release, SIGNATURE) == 0
    assert verify(release, CHECKSUMS) != 0


def test_an_artifact_that_was_removed_is_noticed(release: Path) -> None:
    (release / f"latchkey-{source.version()}.cdx.json").unlink()
    assert verify(release, CHECKSUMS) != 0


def test_sums_that_fit_a_changed_artifact_have_no_valid_signature(release: Path) -> None:
    signature = (release / sums.SIGNATURE).read_bytes()
    (release / f"latchkey-{source.version()}-py3-none-any.whl").write_text("another\n")
    sums.write(release)
    assert not (release / sums.SIGNATURE).exists(), "an old signature is of other sums"
    (release / sums.SIGNATURE).write_bytes(signature)
    assert verify(release, CHECKSUMS) == 0
    assert verify(release, SIGNATURE) != 0


def test_a_signature_of_another_key_is_refused(release: Path, tmp_path: Path) -> None:
    sums.sign(release, key(tmp_path, "another-key"))
    assert verify(release, SIGNATURE) != 0


def test_nothing_is_signed_that_differs_from_its_sum(release: Path, tmp_path: Path) -> None:
    wheel = release / f"latchkey-{source.version()}-py3-none-any.whl"
    wheel.write_text("another\n")
    with pytest.raises(source.Unmade, match=wheel.name):
        sums.sign(release, tmp_path / "release-key")


def test_nothing_is_signed_before_there_are_artifacts(tmp_path: Path) -> None:
    with pytest.raises(source.Unmade, match="make artifacts"):
        sums.write(tmp_path)
    with pytest.raises(source.Unmade, match="make artifacts"):
        sums.sign(tmp_path, tmp_path / "key")


def test_the_bill_of_the_lock_has_what_the_lock_pins(tmp_path: Path) -> None:
    pins = locks.pins(ROOT / PORTAL.lock)
    text = sbom.of_lock("latchkey", source.version(), pins, DATED, ROOT / ".venv")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = {each["purl"]: each for each in json.loads(text)["components"]}
    assert set(components) == {f"pkg:pypi/{pin.name}@{pin.version}" for pin in pins}
    for pin in pins:
        (files,) = components[f"pkg:pypi/{pin.name}@{pin.version}"]["externalReferences"]
        assert {each["content"] for each in files["hashes"]} == set(pin.hashes), pin.name
    licenses = {
        each["name"]: each["licenses"][0].get("license") for each in components.values() if "licenses" in each
    }
    assert licenses["flask"]["id"] == "BSD-3-Clause"


def test_a_bill_has_the_same_bytes_each_time() -> None:
    few = locks.pins(ROOT / PORTAL.lock)[:5]
    one, other = (sbom.of_lock("latchkey", "1.0.0", pins, DATED, ROOT / ".venv") for pins in (few, few[::-1]))
    assert one == other
    assert one != sbom.of_lock("latchkey", "1.0.0", few[1:], DATED, ROOT / ".venv")


def test_an_image_installs_what_its_python_needs_of_a_lock() -> None:
    for kind in KINDS:
        pins = {pin.name: pin for pin in locks.pins(ROOT / kind.lock)}
        assert not pins["colorama"].is_for("3.11.2"), "for Windows"
        assert pins["async-timeout"].is_for("3.11.2") and not pins["async-timeout"].is_for("3.11.3")


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loose.lock").write_text("flask==3.1.0\n")
    with pytest.raises(ValueError, match="flask"):
        locks.pins(tmp_path / "loose.lock")
