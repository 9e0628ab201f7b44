"""Pages of signing certificates."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.aws.certificates import CertificateGateway
from app.credentials.observed import report_observed
from app.public_keys import service
from app.public_keys.certificate import validity
from app.public_keys.forms import UploadForm
from app.public_keys.pasted import PastedTextRefused
from app.public_keys.shared_pages import Pages, PageTexts, add_life_cycle
from app.text.messages import N_, _
from app.web import error_pages
from app.web import refused as again
from app.web.forms import EmptyForm, accepted_form
from app.web.guards import recently_confirmed, with_mfa
from app.web.permissions import needs
from app.web.rate_limits import CHANGES, limiter, pasted, this_person
from app.web.request_context import audit, gateways, person
from app.web.responses import done, page

bp = Blueprint("certificates", __name__, url_prefix="/certificates")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)
TEXTS = PageTexts(
    label=N_("Certificates"),
    back=N_("Signing certificates"),
    deactivate=N_("Deactivate this certificate?"),
    deactivate_description=N_(
        "What deactivating this certificate stops, before you confirm it. You can activate it again."
    ),
    deactivate_button=N_("Deactivate certificate"),
    delete=N_("Delete this certificate?"),
    delete_description=N_(
        "What deleting this certificate stops, before you confirm it. A deleted certificate can’t be restored."
    ),
    delete_button=N_("Delete certificate"),
)
pages = Pages(
    bp, service.CERTIFICATE, CertificateGateway, "SigningCertificate", TEXTS, icon="document-check", position=2
)
add_life_cycle(pages)

MAKE_ONE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj '/CN={name}' "
    "-keyout signing-key.pem -out signing-cert.pem"
)
"""The command that creates a self-signed certificate."""


def _listed() -> list[service.ListedCertificate]:
    return service.listed_certificates(gateways().of_type(CertificateGateway), person().user_name)


@bp.get("")
@with_mfa
@needs("iam:ListSigningCertificates")
def index() -> ResponseReturnValue:
    """List the user's signing certificates, with the next step of a rotation."""
    now = datetime.now(UTC)
    certificates = _listed()
    service.reconcile(service.CERTIFICATE, certificates, audit(), now)
    report_observed(person(), certificates=certificates)
    new = request.args.get("new", "")
    keep, retire = service.of_two(certificates)
    return page(
        "public_keys/certificates.html",
        EmptyForm.blank(),
        certificates=certificates,
        pages=pages,
        missing=new if service.missing(service.CERTIFICATE, certificates, audit(), new) else "",
        ending={each.id: found.replace(" ", "-") for each, found in service.expiring(certificates, now)},
        full=len(certificates) >= service.CERTIFICATE.most,
        active=[each for each in certificates if each.active],
        retire=retire,
        keep=keep,
        today=now,
    )


@bp.get("/new")
@with_mfa
@recently_confirmed
@needs("iam:ListSigningCertificates", "iam:UploadSigningCertificate")
def new() -> ResponseReturnValue:
    """Show the form to paste a certificate."""
    return _new_page(UploadForm.blank())


def _new_page(form: UploadForm) -> ResponseReturnValue:
    name = person().user_name.replace("+", r"\+")  # begins another part of the subject for OpenSSL
    return page("public_keys/certificate_new.html", form, pages=pages, make_one=MAKE_ONE.format(name=name))


@bp.post("/new")
@with_mfa
@pasted
@recently_confirmed
@needs("iam:ListSigningCertificates", later=("iam:UploadSigningCertificate",))
def new_post() -> ResponseReturnValue:
    """Show what the certificate contains, before it is uploaded. Changes nothing."""
    form = UploadForm()
    form.accept()
    given = form.given()
    certificate = service.checked_certificate(audit(), given, datetime.now(UTC))
    service.check_room(service.CERTIFICATE, _listed(), certificate.sha256)
    again.remember(url_for("certificates.check"), given if len(given) <= again.LONGEST else certificate.pem)
    return redirect(url_for("certificates.check"), 303)


@bp.get("/new/check")
@with_mfa
@recently_confirmed
@needs("iam:ListSigningCertificates", "iam:UploadSigningCertificate")
def check() -> ResponseReturnValue:
    """Show what the certificate that was pasted contains."""
    given, now = again.remembered(url_for("certificates.check")), datetime.now(UTC)
    if given is None:
        return redirect(url_for("certificates.new"))
    certificate = service.checked_certificate(audit(), given, now)
    active = [each for each in _listed() if each.active]
    return page(
        "public_keys/certificate_check.html",
        EmptyForm.blank(),
        certificate=certificate,
        soon=validity(certificate, now) == "expires soon",
        days_left=(certificate.not_after - now).days,
        expires_first=service.outlasting(active, certificate),
        second=bool(active),
    )


@bp.errorhandler(PastedTextRefused)
def refused(error: PastedTextRefused) -> ResponseReturnValue:
    """Say why beside the field. If it expired on the page that shows it, say so on the form for another one."""
    return error_pages.refusal_page(error) if accepted_form() else done(error, "certificates.new", "warning")


@bp.post("/new/upload")
@with_mfa
@pasted
@recently_confirmed
@needs("iam:ListSigningCertificates", "iam:UploadSigningCertificate")
def upload() -> ResponseReturnValue:
    """Upload the certificate."""
    form = UploadForm()
    form.accept()
    certificate = service.checked_certificate(audit(), form.given(), datetime.now(UTC))
    certificate_id = service.upload_certificate(
        gateways().of_type(CertificateGateway), audit(), person().user_name, certificate
    )
    # The list says whether it's active: AWS's answer always says that it is.
    return done(_("%(id)s is uploaded.", id=certificate_id), "certificates.index", new=certificate_id)
