"""Asking AWS, to see what a policy allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
"""Codes with which AWS's services say that no policy allows a call, or that one denies it."""


def allowed(call: Callable[..., Any], **parameters: Any) -> bool:
    """Make a call. Returns False if it was denied, True if it was carried out.

    call: a method of a boto3 client. Raises botocore's ClientError for every other error of AWS, since a call that
    fails for another reason says nothing about a policy.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 # a pytest that asks no AWS starts without it

    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            return False
        raise
    return True
