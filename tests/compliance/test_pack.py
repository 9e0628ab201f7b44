"""The signed pack: complete, the same twice, and a verifier of its own that notices every change."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from struct import pack as pack_bytes
from typing import Any
from zipfile import ZipFile
from zlib import crc32

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask

from app.compliance.data import due
from app.compliance.evidence.files import Export
from app.compliance.evidence.pack import packed_file
from app.compliance.evidence.signing import signature, signing_key
from app.compliance.thresholds import standards_of, terms_for
from app.db import db
from tests.compliance.conftest import Command
from tests.compliance.test_formats import ACCOUNT, account, printed, valid
from tests.support.sandbox import ROOT

VERIFIER = ROOT / "docs/verify_pack.py"
FILES = {"findings.csv", "findings.json", "findings.ocsf.json", "findings.asff.json", "report.html"}
__all__ = ["account"]


@pytest.fixture
def pack(command: Command, account: Flask, tmp_path: Path) -> Path:
    """A pack, and the portal's public key beside it."""
    done = command("export", "--format", "pack", "--output", str(tmp_path / "pack.zip"))
    assert done.exit_code == 0, done.output
    (tmp_path / "key.pem").write_text(command("public-key").output)
    return tmp_path / "pack.zip"


def verified(pack: Path, key: str = "key.pem") -> tuple[int, str]:
    """Exit status and last words of the verifier, which runs by itself: without the portal's code beside it."""
    words = [sys.executable, "-I", str(VERIFIER), str(pack), str(pack.parent / key)]
    done = subprocess.run(words, cwd=pack.parent, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def manifest_of(pack: Path) -> dict[str, Any]:
    with ZipFile(pack) as packed:
        found: dict[str, Any] = json.loads(packed.read("manifest.json"))
        return found


def test_a_pack_is_complete_and_verified(command: Command, pack: Path) -> None:
    status, told = verified(pack)
    assert status == 0 and ACCOUNT in told
    with ZipFile(pack) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    manifest = json.loads(contents["manifest.json"])
    assert set(contents) == FILES | {"manifest.json", "manifest.sig"}
    assert {each["name"] for each in manifest["files"]} == FILES
    for each in manifest["files"]:
        content = contents[each["name"]]
        assert (each["size"], each["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert manifest["account_id"] == ACCOUNT and manifest["product"]["name"] == "Latchkey"
    assert manifest["thresholds"]["key-days"] == 90 and manifest["standards"][0]["id"] == "cis-5.0"
    rows = json.loads(contents["findings.json"])
    assert {row["as_of"] for row in rows} == {manifest["as_of"]}
    assert {row["exported_at"] for row in rows} == {manifest["exported_at"]}
    assert len(rows) == len(json.loads(contents["findings.asff.json"])) == contents["findings.csv"].count(b"\r\n") - 1
    assert valid("ocsf-1.3.0-compliance-finding", json.loads(contents["findings.ocsf.json"])) == []
    assert valid("asff", json.loads(contents["findings.asff.json"])) == []


def test_the_manifest_names_the_sources_by_time_and_hash(pack: Path, tmp_path: Path) -> None:
    (source,) = manifest_of(pack)["sources"]
    report = (tmp_path / "report.csv").read_bytes()
    assert source["source"] == "credential-report" and source["users"] == 2
    assert source["sha256"] == hashlib.sha256(report).hexdigest(), "the file that was uploaded, byte by byte"
    collected = datetime.fromisoformat(source["collected_at"])
    as_of = datetime.fromisoformat(manifest_of(pack)["as_of"])
    assert 0 <= source["age_seconds"] <= 120 and abs((as_of - collected).total_seconds() - source["age_seconds"]) <= 1


def changed(pack: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The pack with other contents."""
    with ZipFile(pack) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    change(contents)
    with ZipFile(pack, "w") as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return pack


def test_packing_it_again_changes_nothing(pack: Path) -> None:
    assert verified(changed(pack, lambda contents: None))[0] == 0


def a_byte(contents: dict[str, bytes]) -> None:
    contents["findings.csv"] = contents["findings.csv"].replace(b'"fail"', b'"pass"', 1)


def a_file_less(contents: dict[str, bytes]) -> None:
    del contents["report.html"]


def a_file_more(contents: dict[str, bytes]) -> None:
    contents["notes.txt"] = b"All is well."


def the_manifest(contents: dict[str, bytes]) -> None:
    contents["manifest.json"] = contents["manifest.json"].replace(b'"key-days": 90', b'"key-days": 91')


def file_and_manifest(contents: dict[str, bytes]) -> None:
    old = hashlib.sha256(contents["findings.csv"]).hexdigest().encode()
    a_byte(contents)
    new = hashlib.sha256(contents["findings.csv"]).hexdigest().encode()
    contents["manifest.json"] = contents["manifest.json"].replace(old, new)


def no_signature(contents: dict[str, bytes]) -> None:
    del contents["manifest.sig"]


def no_manifest(contents: dict[str, bytes]) -> None:
    del contents["manifest.json"]


def garbage(contents: dict[str, bytes]) -> None:
    contents["manifest.sig"] = b"not base64 at all \xff"


def signed_by_another(contents: dict[str, bytes]) -> None:
    a_file_more(contents)
    manifest = json.loads(contents["manifest.json"])
    told = {"name": "notes.txt", "size": 12, "sha256": hashlib.sha256(contents["notes.txt"]).hexdigest()}
    manifest["files"].append(told)
    contents["manifest.json"] = json.dumps(manifest).encode()
    contents["manifest.sig"] = signature(Ed25519PrivateKey.generate(), contents["manifest.json"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (a_byte, "findings.csv"), (a_file_less, "report.html"), (a_file_more, "notes.txt"), (the_manifest, "key"),
        (file_and_manifest, "manifest"), (no_signature, "manifest.sig"), (no_manifest, "manifest.json"),
        (garbage, "key"), (signed_by_another, "key"),
    ],
)  # fmt: skip
def test_every_change_is_noticed(pack: Path, change: Callable[[dict[str, bytes]], None], named: str) -> None:
    status, told = verified(changed(pack, change))
    assert status == 1 and "NOT VERIFIED" in told and named in told


def test_what_a_reader_from_the_beginning_would_find_is_noticed(pack: Path) -> None:
    whole = pack.read_bytes()
    forged = pack.with_name("forged.zip")
    with ZipFile(forged, "w") as made:
        made.writestr("report.html", "Everyone passes.")
    (pack.with_name("before.zip")).write_bytes(forged.read_bytes()[: ZipFile(forged).start_dir] + whole)
    (pack.with_name("behind.zip")).write_bytes(whole[:-2] + b"\x01\x00" + b"!")
    for name in ("before.zip", "behind.zip"):
        status, told = verified(pack.with_name(name))
        assert status == 1 and "none of its files" in told, name
    assert verified(pack)[0] == 0


def test_what_hides_behind_a_file_is_noticed(pack: Path) -> None:
    """Programs that read a zip from its beginning continue where a file ends, and find another there."""
    whole, hidden = pack.read_bytes(), pack.with_name("hidden.zip")
    with ZipFile(hidden, "w") as made:
        made.writestr("report.html", "Everyone passes.")
    more = hidden.read_bytes()[: ZipFile(hidden).start_dir]
    with ZipFile(pack) as packed:
        last, beginning = packed.infolist()[-1], packed.start_dir
    listed = bytearray(whole[beginning:])
    sizes = listed.rindex(b"PK\1\2") + 20
    listed[sizes : sizes + 4] = (last.compress_size + len(more)).to_bytes(4, "little")
    at = listed.rindex(b"PK\5\6") + 16
    listed[at : at + 4] = (beginning + len(more)).to_bytes(4, "little")
    files = bytearray(whole[:beginning])
    sizes = last.header_offset + 30 + len(last.filename) + 12
    files[sizes : sizes + 8] = (last.compress_size + len(more)).to_bytes(8, "little")
    pack.write_bytes(files + more + listed)
    with ZipFile(pack) as packed:
        assert packed.testzip() is None, "other programs find nothing wrong with it"
    status, told = verified(pack)
    assert status == 1 and f"something behind {last.filename} that is none of its files" in told


def a_second_list(files: bytes, listed: list[bytes]) -> bytes:
    """A file and a list hidden in a comment. Python reads the first list, by an end record of zip64."""
    forged = BytesIO()
    with ZipFile(forged, "w") as made:
        made.writestr("report.html", "Everyone passes.")
        end = made.start_dir
    hidden, start = forged.getvalue()[:end], len(files) + len(b"".join(listed))
    theirs = forged.getvalue()[end:-22]
    theirs = theirs[:42] + start.to_bytes(4, "little") + theirs[46:] + b"".join(listed[:-1])
    comment = hidden + theirs
    first = b"".join(listed[:-1]) + listed[-1][:32] + len(comment).to_bytes(2, "little") + listed[-1][34:] + comment
    count = len(listed)
    of_python = pack_bytes("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(first), len(files))
    where = pack_bytes("<4sIQI", b"PK\6\7", 0, len(files) + len(first), 1)
    return files + first + of_python + where + end_record(count, len(theirs), start + len(hidden))


def end_record(count: int, length: int, start: int) -> bytes:
    return pack_bytes("<4s4H2IH", b"PK\5\6", 0, 0, count, count, length, start, 0)


def another_name(name: bytes) -> bytes:
    """The field with which other programs show a file by another name."""
    told = pack_bytes("<BI", 1, crc32(name)) + b"other.txt"
    return pack_bytes("<2H", 0x7075, len(told)) + told


def a_name_in_the_list(files: bytes, listed: list[bytes]) -> bytes:
    more = another_name(listed[-1][46:])
    last = listed[-1][:30] + len(more).to_bytes(2, "little") + listed[-1][32:] + more
    length = len(b"".join(listed[:-1]) + last)
    return files + b"".join(listed[:-1]) + last + end_record(len(listed), length, len(files))


def a_name_at_the_file(files: bytes, listed: list[bytes]) -> bytes:
    """The last file again has its sizes in its header, and the other name where they were."""
    at, last = files.rindex(b"PK\3\4"), listed[-1]
    behind = at + 30 + len(last[46:])
    more = another_name(last[46:])
    header = files[at : at + 18] + last[20:28] + files[at + 26 : at + 28] + len(more).to_bytes(2, "little")
    moved = files[:at] + header + last[46:] + more + files[behind + 20 :]
    return moved + b"".join(listed) + end_record(len(listed), len(b"".join(listed)), len(moved))


def a_size_in_the_list(files: bytes, listed: list[bytes]) -> bytes:
    """The list and the header say that the last file is shorter than what is in its place."""
    at, last = files.rindex(b"PK\3\4"), listed[-1]
    sizes = last[20:24] + (1).to_bytes(4, "little")
    behind = at + 30 + len(last[46:])
    shorter = files[:at] + files[at : at + 18] + sizes + files[at + 26 : at + 28] + b"\0\0" + last[46:]
    shorter += files[behind + 20 :]
    listed = [*listed[:-1], last[:20] + sizes + last[28:]]
    return shorter + b"".join(listed) + end_record(len(listed), len(b"".join(listed)), len(shorter))


def a_place_of_the_list(files: bytes, listed: list[bytes]) -> bytes:
    """The end record says that the list begins with the second file: Python moves everything by as much."""
    skipped = len(listed[0])
    listed = [each[:42] + (int.from_bytes(each[42:46], "little") + skipped).to_bytes(4, "little") + each[46:]
              for each in listed]  # fmt: skip
    return files + b"".join(listed) + end_record(len(listed), len(b"".join(listed)), len(files) + skipped)


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (a_second_list, "something behind its name"),
        (a_name_in_the_list, "something behind its name"),
        (a_name_at_the_file, "something behind its name"),
        (a_size_in_the_list, "another size"),
        (a_place_of_the_list, "none of its files"),
    ],
)
def test_what_other_programs_would_show_is_noticed(
    pack: Path, forge: Callable[[bytes, list[bytes]], bytes], told: str
) -> None:
    """Python finds the files that were signed, where other programs find other ones, or other names."""
    whole = pack.read_bytes()
    with ZipFile(pack) as packed:
        names, beginning = packed.namelist(), packed.start_dir
    listed, at = [], beginning
    for name in names:
        listed.append(whole[at : at + 46 + len(name)])
        at += len(listed[-1])
    assert whole[at:] == end_record(len(names), at - beginning, beginning), "nothing else is in a pack"
    pack.write_bytes(forge(whole[:beginning], listed))
    with ZipFile(pack) as packed:
        assert packed.namelist() == names
    status, said = verified(pack)
    assert status == 1 and "NOT VERIFIED" in said and told in said


@pytest.mark.parametrize(
    ("part", "at"), [(b"PK\1\2", 8), (b"PK\1\2", 9), (b"PK\1\2", 10), (b"PK\1\2", 6), (b"PK\3\4", 8)]
)
def test_a_zip_that_python_cannot_read_is_not_verified(pack: Path, part: bytes, at: int) -> None:
    """Encrypted, of a newer version, packed otherwise: it is told in a sentence, not in a traceback."""
    whole = bytearray(pack.read_bytes())
    whole[whole.index(part) + at] ^= 0x61
    pack.write_bytes(whole)
    status, told = verified(pack)
    assert status == 1 and told.startswith("NOT VERIFIED: ")


def test_a_name_that_is_no_text_and_too_many_files_are_not_verified(pack: Path) -> None:
    whole = bytearray(pack.read_bytes())
    listed = whole.index(b"PK\1\2")
    whole[listed + 9] |= 0x08  # its names are UTF-8
    whole[listed + 46] = 0xFF
    pack.write_bytes(whole)
    status, told = verified(pack)
    assert status == 1 and told.startswith("NOT VERIFIED: ")
    with ZipFile(pack, "w") as made:
        for number in range(65_536):
            made.writestr(str(number), b"")
    status, told = verified(pack)
    assert status == 1 and told.startswith("NOT VERIFIED: ")


def test_damage_within_a_file_is_noticed(pack: Path) -> None:
    whole = bytearray(pack.read_bytes())
    whole[200:260] = bytes(60)
    pack.write_bytes(whole)
    status, told = verified(pack)
    assert status == 1 and told.startswith("NOT VERIFIED: ")


def test_a_report_or_pack_of_a_part_is_refused(command: Command, pack: Path) -> None:
    for form in ("pack", "html"):
        for part in (("--state", "pass"), ("--rule", "mfa"), ("--standard", "cis-5.0")):
            done = command("export", "--format", form, *part, "--output", str(pack.with_name("part")))
            assert done.exit_code == 2 and not pack.with_name("part").exists()


def test_a_name_that_is_there_twice_is_noticed(pack: Path) -> None:
    with ZipFile(pack, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("findings.csv", b"another")
    status, told = verified(pack)
    assert status == 1 and "findings.csv" in told


def test_another_key_verifies_nothing(pack: Path) -> None:
    other = Ed25519PrivateKey.generate().public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (pack.parent / "other.pem").write_bytes(pem)
    assert verified(pack, "other.pem")[0] == 1
    (pack.parent / "other.pem").write_text("no key")
    assert verified(pack, "other.pem")[0] == 1
    assert verified(pack, "nowhere.pem")[0] == 1


def test_what_is_no_pack_is_said_to_be_none(tmp_path: Path, pack: Path) -> None:
    pack.write_bytes(b"PK nothing")
    assert verified(pack)[0] == 1


def test_the_same_moment_gives_the_same_pack(account: Flask) -> None:
    with account.app_context():
        stored = due.catch_up(db.engine, ACCOUNT, terms_for(account.config, ACCOUNT))
        assert stored
        terms = terms_for(account.config, ACCOUNT)(None)
        export = Export.of(db.engine, stored, terms, standards_of(account.config, ACCOUNT), account.config)
        first, second = (packed_file(export, signing_key(account.config)).read() for _turn in range(2))
    assert first == second and len(first) > 1000


def test_the_key_is_its_own_setting_or_follows_from_the_secret_key(
    command: Command, portal: Flask, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = command("public-key").output
    assert derived == command("public-key").output, "nothing is stored, and it stays"
    monkeypatch.setitem(portal.config, "EVIDENCE_KEY", "e" * 48)
    own = command("public-key").output
    assert own != derived
    monkeypatch.setitem(portal.config, "SECRET_KEY", "t" * 48)
    assert command("public-key").output == own, "rotating SECRET_KEY doesn't change it"
    monkeypatch.setitem(portal.config, "EVIDENCE_KEY", "")
    assert command("public-key").output not in (derived, own)
    assert verified(pack)[0] == 0, "a pack of earlier stays good with the key of earlier"


def test_no_secret_is_in_a_pack(command: Command, portal: Flask, pack: Path) -> None:
    with ZipFile(pack) as packed:
        everything = b"".join(packed.read(name) for name in packed.namelist())
    for secret in (portal.config["SECRET_KEY"], "PRIVATE KEY"):
        assert secret.encode() not in everything
    assert "PRIVATE" not in command("public-key").output and printed(command, "csv")
