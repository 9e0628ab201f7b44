"""The name of a file that a page offers says what is in it, and when it was made. It can't end the header."""

from __future__ import annotations

import re

import pytest

from app.web.exports import attachment


@pytest.mark.parametrize(
    ("about", "name"),
    [
        (("campaign", "123456789012", "MFA for all"), "campaign-123456789012-MFA-for-all"),
        (("compliance", "123456789012", "", "mfa", "fail", ""), "compliance-123456789012-mfa-fail"),
        (("policy", 'a"\r\nSet-Cookie: x=1; ü/../b'), "policy-a-Set-Cookie-x-1-..-b"),
        (("campaign", "x" * 500), f"campaign-{'x' * 111}"),
    ],
)
def test_a_name_says_what_is_in_the_file_and_of_when(about: tuple[str, ...], name: str) -> None:
    found = re.fullmatch(r'attachment; filename="(.*)-\d{8}-\d{6}\.csv"', attachment(*about, ending="csv"))
    assert found and found[1] == name
