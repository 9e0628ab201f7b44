"""What `compliance export` does with an account that has data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import click
from flask import current_app

from app.audit.command_line import audit_of
from app.audit.events import Event
from app.compliance.data.queries import Filter
from app.compliance.data.rows import AccountRow
from app.compliance.evidence import pack
from app.compliance.evidence.files import FORMATS, Export
from app.compliance.evidence.signing import signing_key
from app.compliance.rules.subjects import Terms
from app.compliance.standards.standard import Standard
from app.db import db
from app.errors import PortalError


def write(
    stored: AccountRow,
    terms: Terms,
    standards: Sequence[Standard],
    chosen: Filter,
    only: str,
    form: str,
    output: BinaryIO,
) -> None:
    """Write the findings as a file. only: id of a standard, "" for all rules. Raises ClickException."""
    export = Export.of(db.engine, stored, terms, standards, current_app.config, chosen, only)
    account_id = stored.account_id
    try:
        audit_of(account_id).note(Event.COMPLIANCE_EXPORTED, f"{account_id}.{pack.ending_of(form)}")
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    if form == pack.NAME:
        pack.copy_pack(export, signing_key(current_app.config), output)
        return
    for text in FORMATS[form].text(export):
        output.write(text.encode())
