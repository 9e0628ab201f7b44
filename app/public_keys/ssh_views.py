"""Pages of SSH keys."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from app.aws.ssh_keys import SshKeyGateway
from app.credentials.observed import report_observed
from app.public_keys import service
from app.public_keys.forms import UploadForm
from app.public_keys.shared_pages import Pages, PageTexts, add_life_cycle
from app.public_keys.ssh_refusals import MAKE_ONE
from app.text.messages import N_, _
from app.web.forms import EmptyForm
from app.web.guards import recently_confirmed, with_mfa
from app.web.permissions import calls, needs
from app.web.rate_limits import CHANGES, limiter, pasted, this_person
from app.web.request_context import audit, gateways, person
from app.web.responses import done, page

bp = Blueprint("ssh_keys", __name__, url_prefix="/ssh-keys")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)
TEXTS = PageTexts(
    label=N_("SSH keys"),
    back=N_("SSH keys"),
    deactivate=N_("Deactivate this SSH key?"),
    deactivate_description=N_(
        "What deactivating this SSH key stops, before you confirm it. You can activate the key again."
    ),
    deactivate_button=N_("Deactivate SSH key"),
    delete=N_("Delete this SSH key?"),
    delete_description=N_(
        "What deleting this SSH key stops, before you confirm it. A deleted key can’t be restored."
    ),
    delete_button=N_("Delete SSH key"),
)
pages = Pages(bp, service.SSH_KEY, SshKeyGateway, "SSHPublicKey", TEXTS, icon="command-line", position=1)
add_life_cycle(pages)

GIT_HOSTS = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}
"""Where CodeCommit's hosts are, per partition; elsewhere amazonaws.com."""

CONFIG = "Host git-codecommit.*.{domain}\n  User {id}\n  IdentityFile ~/.ssh/codecommit_rsa"
"""Lines for ~/.ssh/config (CodeCommit User Guide, SSH connections)."""


@bp.get("")
@with_mfa
@needs("iam:ListSSHPublicKeys")
def index() -> ResponseReturnValue:
    """List the user's SSH keys, and say how to use them."""
    now = datetime.now(UTC)
    keys = service.listed_keys(gateways().of_type(SshKeyGateway), person().user_name)
    service.reconcile(service.SSH_KEY, keys, audit(), now)
    report_observed(person(), ssh_keys=keys)
    new = request.args.get("new", "")
    domain, region = GIT_HOSTS.get(person().partition, "amazonaws.com"), current_app.config["AWS_REGION"]
    return page(
        "public_keys/ssh_keys.html",
        EmptyForm.blank(),
        keys=keys[::-1],
        pages=pages,
        missing=new if service.missing(service.SSH_KEY, keys, audit(), new) else "",
        full=len(keys) >= service.SSH_KEY.most,
        newest=next((key.id for key in reversed(keys) if key.active), ""),
        configs={key.id: CONFIG.format(domain=domain, id=key.id) for key in keys},
        trying=f"ssh git-codecommit.{region}.{domain}",
        region=region,
    )


@bp.get("/new")
@with_mfa
@recently_confirmed
@needs("iam:ListSSHPublicKeys", "iam:UploadSSHPublicKey")
def new() -> ResponseReturnValue:
    """Show the form to paste a key."""
    return _new_page(UploadForm.blank())


def _new_page(form: UploadForm) -> ResponseReturnValue:
    return page("public_keys/ssh_key_new.html", form, make_one=MAKE_ONE, pages=pages)


@bp.post("/new")
@with_mfa
@pasted
@recently_confirmed
@needs("iam:ListSSHPublicKeys", "iam:UploadSSHPublicKey")
@calls("iam:GetSSHPublicKey")
def new_post() -> ResponseReturnValue:
    """Upload the key."""
    form = UploadForm()
    form.accept()
    key = service.checked_key(audit(), form.given())
    key_id = service.upload_key(gateways().of_type(SshKeyGateway), audit(), person().user_name, key)
    return done(_("%(id)s is uploaded.", id=key_id), "ssh_keys.index", new=key_id)
