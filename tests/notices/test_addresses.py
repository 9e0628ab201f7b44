"""A user's address comes from the file, then from the tag, then from the pattern."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.notices.addresses import AddressBook, AddressFile, FileProblem
from app.notices.models import NoticeRow
from app.notices.notice import Audience
from tests.notices.conftest import ACCOUNT

LINES = f"""user,address,manager
# people
paula,paula.p@example.com,maria
{ACCOUNT}/paul, paul@example.org ,boss@example.com
maria,maria@example.com
petra,,maria
"""


@pytest.fixture
def file(tmp_path: Path) -> AddressFile:
    path = tmp_path / "addresses.csv"
    path.write_text(LINES)
    return AddressFile(str(path))


def test_the_file_counts_first_then_the_tag_then_the_pattern(file: AddressFile) -> None:
    tags = {"petra": "petra@tagged.example", "paula": "other@example.com", "odd": "no address"}
    book = AddressBook(file, "email", "{user}@pattern.example", lambda account, user, key: tags.get(user, ""))
    assert book.of_user(ACCOUNT, "paula") == "paula.p@example.com"
    assert book.of_user(ACCOUNT, "paul") == "paul@example.org"
    assert book.of_user("000000000000", "paul") == "paul@pattern.example", "another account's"
    assert book.of_user(ACCOUNT, "petra") == "petra@tagged.example"
    assert book.of_user(ACCOUNT, "odd") == "odd@pattern.example"


def test_a_name_that_makes_no_address_has_none() -> None:
    book = AddressBook(pattern="{user}@example.com")
    for name in ("a b", "a,b", "a@b", "x\r\nBcc: y", "<a>", "." * 3, "n" * 80):
        assert book.of_user(ACCOUNT, name) == "", name
    assert AddressBook(pattern="{user}").of_user(ACCOUNT, "paula@example.com") == "paula@example.com"


def test_a_manager_is_an_address_or_another_user(file: AddressFile) -> None:
    book = AddressBook(file)
    assert book.of_manager(ACCOUNT, "paula") == book.of_manager(ACCOUNT, "petra") == "maria@example.com"
    assert book.of_manager(ACCOUNT, "paul") == "boss@example.com"
    assert book.of_manager(ACCOUNT, "maria") == book.of_manager(ACCOUNT, "stranger") == ""


def test_where_a_notice_goes(file: AddressFile) -> None:
    def goes(audience: Audience, user: str, channel: str = "mail") -> str | None:
        row = NoticeRow(account_id=ACCOUNT, user_name=user, audience=audience.value, channel=channel)
        return AddressBook(file).for_notices([row])(row)

    assert goes(Audience.USER, "paula") == "paula.p@example.com"
    assert goes(Audience.MANAGER, "paula") == "maria@example.com"
    assert goes(Audience.ADDRESS, "audit@example.com") == "audit@example.com"
    assert goes(Audience.USER, "stranger") is None and goes(Audience.MANAGER, "maria") is None
    assert goes(Audience.USER, "stranger", "slack") == goes(Audience.CHANNEL, "") == ""


def test_a_file_that_changed_is_read_again_and_one_that_got_worse_is_not_used(file: AddressFile) -> None:
    assert AddressBook(file).of_user(ACCOUNT, "maria") == "maria@example.com"
    file.path.write_text(LINES.replace("maria@example.com", "new@example.com"))
    os.utime(file.path, (1, 1))
    assert AddressBook(file).of_user(ACCOUNT, "maria") == "new@example.com"
    file.path.write_text("maria")
    assert AddressBook(file).of_user(ACCOUNT, "maria") == "new@example.com"
    with pytest.raises(FileProblem, match="line 1"):
        file.read()
    file.path.write_text('"' + LINES * 1000)
    assert AddressBook(file).of_user(ACCOUNT, "maria") == "new@example.com", "after a quote that never closes"
    file.path.unlink()
    assert AddressBook(file).of_user(ACCOUNT, "maria") == "new@example.com"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"paula", "line 1: write USER"),
        (b"a,b@example.com,c,d", "line 1: write USER"),
        (b",b@example.com", "line 1: write USER"),
        (b"user,address\npaula,nonsense", "line 2: 'nonsense' isn"),
        (b"paula,p@example.com,no@no@no", "line 1: 'no@no@no' isn"),
        (b"paula,\xff@example.com", "UTF-8"),
        (b'"paula,p@example.com\n' + b"maria,maria@example.com\n" * 6000, "isn’t CSV"),
    ],
)
def test_a_file_with_a_mistake_says_where(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "addresses.csv"
    path.write_bytes(text)
    with pytest.raises(FileProblem, match=said):
        AddressFile(str(path)).read()
