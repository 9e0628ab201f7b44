"""`compliance export` and `compliance public-key`.

What makes files, and with it cryptography, is loaded once there is something to write.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import with_appcontext

from app.commands import on_database
from app.compliance import judging
from app.compliance.command_line import DAY, chosen_account
from app.compliance.data import queries
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import CIS_VARIANTS, GROUPS, RULES, applying
from app.compliance.rules.verdicts import State
from app.compliance.thresholds import standards_of, terms_for
from app.db import db
from app.text.messages import _

PACK = "pack"
"""`app.compliance.evidence.pack.NAME`."""
FORMATS = ("csv", "json", "ocsf", "asff", "html", PACK)


class RuleId(click.ParamType[str]):
    """An id that a rule, a variant of one, or a group of rules can have, whatever the account's settings are."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it. Fails with the ids there are."""
        known = [*(rule.id for rule in RULES), *CIS_VARIANTS, *GROUPS]
        variant = re.fullmatch(r"(.+?)(-[0-9]+)+", value)
        if value not in known and not (variant and variant[1] in known):
            self.fail(_not_one_of(value, known), param, ctx)
        return value


@click.command("export")
@click.option("--account", "account_id", help="Account, 12 digits. Not needed with only one account.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--output", type=click.File("wb", atomic=True), default="-", help="File to write. Default: print it.")
@click.option("--rule", type=RuleId(), help="Only this rule, variant of a rule, or group of rules.")
@click.option("--standard", help="Only what this standard, one of COMPLIANCE_STANDARDS, has items for.")
@click.option("--state", type=click.Choice([*map(str, State), queries.NOT_PASSING]), help="Only this result.")
@click.option("--as-of", "day", type=DAY, help="The list as it was at the end of this day (UTC), as in 2026-09-30.")
@with_appcontext
@on_database
def export(
    account_id: str | None,
    form: str,
    output: BinaryIO,
    rule: str | None,
    standard: str | None,
    state: str | None,
    day: datetime | None,
) -> None:
    """Print one row per user and rule, with reason and evidence. `pack` is a zip of all formats, signed."""
    if form == PACK and output is sys.stdout.buffer and sys.stdout.isatty():
        raise click.UsageError(_("A pack is a zip file. Choose a file for it with --output."))
    if form in (PACK, "html") and (rule or standard or state):
        raise click.UsageError(_("This format has all results. Leave out --rule, --standard and --state."))
    chosen = chosen_account(account_id)
    terms_of, standards = terms_for(current_app.config, chosen), standards_of(current_app.config, chosen)
    if rule is not None:
        _one_of("--rule", rule, _ids(terms_of(None)))
    _one_of("--standard", standard, [each.id for each in standards])
    asked = queries.Filter(rule=rule or "", state=state or "")
    if day:
        from app.compliance.history_cli import export_as_of  # noqa: PLC0415 # see the module's docstring

        export_as_of(chosen, day.date(), form, output, asked, standards, standard or "")
        return
    stored = judging.judged_now(db.engine, chosen, terms_of)
    if stored is None:
        message = _("There’s no data about account %(id)s yet. Refresh it, or import a credential report.", id=chosen)
        raise click.ClickException(message)
    from app.compliance.export_command import write  # noqa: PLC0415 # see the module's docstring

    write(stored, terms_of(stored.user_list.get("others")), standards, asked, standard or "", form, output)


@click.command("public-key")
@with_appcontext
def public_key() -> None:
    """Print the public key that verifies this portal's packs of evidence."""
    from app.compliance.evidence.signing import as_pem, signing_key  # noqa: PLC0415 # see the module's docstring

    click.echo(as_pem(signing_key(current_app.config).public_key()), nl=False)


def _ids(terms: Terms) -> list[str]:
    """Return what --rule takes: rules, variants that the account has or may get, and groups."""
    mine = [rule.id for rule in applying(RULES, terms)]
    return list(dict.fromkeys([*mine, *CIS_VARIANTS, *GROUPS]))


def _one_of(option: str, value: str | None, choices: list[str]) -> None:
    """Raise BadParameter, with the choices, where an option's value isn't one of them."""
    if value is not None and value not in choices:
        raise click.BadParameter(_not_one_of(value, choices), param_hint=option)


def _not_one_of(value: str, choices: list[str]) -> str:
    return _("%(value)s is not one of %(choices)s.", value=repr(value), choices=", ".join(map(repr, choices)))
