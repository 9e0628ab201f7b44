"""The option --assume of `policy explain` and `policy rehearse`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def assume_option(help_text: str) -> Callable[[Command], Command]:
    """Add --assume KEY=VALUE, which can be repeated, as the parameter `assumed`: key in lower case to value."""
    return click.option("--assume", "assumed", metavar="KEY=VALUE", multiple=True, callback=_pairs, help=help_text)


def _pairs(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Parse KEY=VALUE pairs. Condition keys ignore letter case. Raises BadParameter for anything else."""
    pairs = [text.partition("=") for text in given]
    if not all(found and ":" in key for key, found, _ in pairs):
        raise click.BadParameter("Write it like aws:SourceIp=203.0.113.7.")
    return {key.strip().lower(): value for key, _, value in pairs}
