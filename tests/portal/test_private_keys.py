"""Private keys are known by their form, never by words about them."""

from __future__ import annotations

import base64
import itertools

import pytest

from app.public_keys.private import Found, found
from tests.support.private_keys import HARMLESS, PRIVATE, numbers_of_rsa


@pytest.mark.parametrize("kind", PRIVATE)
def test_every_private_key_is_known(kind: str) -> None:
    given = PRIVATE[kind]
    assert found(given)
    if isinstance(given, str):
        assert found(given.encode()) and found(given.encode("utf-16"))
        assert found(given.encode("utf-16-le")) or not given.isascii(), "without a byte order mark"
    else:
        assert found(base64.b64encode(given).decode()) or kind == "OpenPGP", "its base64"


@pytest.mark.parametrize("octets", [64, 128, 192, 256, 512])
def test_numbers_of_a_cut_key_are_known_however_short_one_of_them_is(octets: int) -> None:
    for place, fewer in itertools.product(range(3), (-1, 0, 1, 2)):
        sizes = [octets, octets, octets]
        sizes[place] -= fewer
        cut = numbers_of_rsa(*sizes)
        assert found(cut) and found(base64.b64encode(cut).decode()) and found(cut.hex()), (place, fewer)
        assert not found(numbers_of_rsa(*sizes[:2])), "two numbers are a signature as well"


@pytest.mark.parametrize("kind", HARMLESS)
def test_words_about_private_keys_are_none(kind: str) -> None:
    given = HARMLESS[kind]
    assert not found(given)
    if isinstance(given, str):
        assert not found(given.encode()) and not found(given.encode("utf-16"))
    else:
        assert not found(base64.b64encode(given).decode()) and not found(given.hex())


def test_a_pkcs12_file_is_known_as_one() -> None:
    assert found(PRIVATE["pkcs12"]) == Found.PKCS12
