"""Offer only what can work: links that the configured document rules out are not shown, their pages say why.

What the document merely does not grant may come from another policy of the person: there AWS decides, and its
refusal names the permission as well (`app.web.error_pages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from cachetools import TTLCache
from flask import Flask, current_app, render_template, request
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from app.policy.features import BY_CODE, Need, On, offers, ruled_out
from app.web.request_context import mfa_present, permitted, person


def _on_user(*names: str) -> tuple[Need, ...]:
    return tuple(Need(f"iam:{name}", On.USER) for name in names)


_ENROLLING = BY_CODE["enroll"].needs
_DELETING = (Need("iam:DeleteVirtualMFADevice", On.DEVICE),)


def _life_cycle(blueprint: str, one: str, uploading: Sequence[str]) -> dict[str, tuple[Need, ...]]:
    """Pages of SSH keys, or of certificates: listed, uploaded, switched off and on, deleted. one: "SSHPublicKey"."""
    listing, switching = f"List{one}s", f"Update{one}"
    return {
        f"{blueprint}.index": _on_user(listing),
        **{f"{blueprint}.{view}": _on_user(listing, f"Upload{one}") for view in uploading},
        **{
            f"{blueprint}.{view}": _on_user(listing, switching)
            for view in ("activate", "deactivate", "deactivate_post")
        },
        **{f"{blueprint}.{view}": _on_user(listing, f"Delete{one}") for view in ("delete", "delete_post")},
    }


NEEDS: dict[str, tuple[Need, ...]] = {
    **_life_cycle("ssh_keys", "SSHPublicKey", ("new", "new_post")),
    **_life_cycle("certificates", "SigningCertificate", ("new", "new_post", "check", "upload")),
    "mfa.begin": _ENROLLING,
    "mfa.enroll_post": _on_user("EnableMFADevice"),
    "mfa.add": _on_user("EnableMFADevice"),
    "mfa.hardware": _on_user("EnableMFADevice"),
    "mfa.hardware_post": _on_user("EnableMFADevice"),
    "mfa.remove": _on_user("DeactivateMFADevice"),
    "mfa.remove_post": _on_user("DeactivateMFADevice"),
    "mfa.replace": _on_user("DeactivateMFADevice"),
    "mfa.replace_post": _on_user("DeactivateMFADevice"),
    "mfa.replaced_post": _on_user("DeactivateMFADevice"),
    "mfa.clear": _DELETING,
    "access_keys.index": _on_user("ListAccessKeys"),
    "access_keys.create": _on_user("ListAccessKeys", "CreateAccessKey"),
    "access_keys.activate": _on_user("UpdateAccessKey"),
    "access_keys.deactivate": _on_user("ListAccessKeys", "UpdateAccessKey"),
    "access_keys.deactivate_post": _on_user("ListAccessKeys", "UpdateAccessKey"),
    "access_keys.delete": _on_user("ListAccessKeys", "DeleteAccessKey"),
    "access_keys.delete_lost": _on_user("ListAccessKeys", "DeleteAccessKey"),
    "access_keys.have": _on_user("ListAccessKeys"),
    "access_keys.delete_post": _on_user("ListAccessKeys", "DeleteAccessKey"),
    "password.index_post": _on_user("ChangePassword"),
    "password.new": BY_CODE["set-password"].needs,
    "password.new_post": BY_CODE["set-password"].needs,
    "password.remove": _on_user("DeleteLoginProfile"),
    "password.remove_post": _on_user("DeleteLoginProfile"),
}
"""Endpoint to what it cannot do without. Pages that manage with less say themselves what is missing."""


_lock = Lock()
SECONDS_KEPT = 60
"""How long an answer counts: a document can go by the time of day."""


def offered() -> frozenset[str]:
    """Codes of the features the document grants the person, as they are signed in now."""
    return offers(permitted(), mfa_present()) if current_user.is_authenticated else frozenset()


def denied(endpoint: str, *, with_mfa: bool = False) -> Sequence[Need]:
    """What of an endpoint's needs the document rules out for the person; empty where it can work.

    with_mfa: once they have it; else as they are signed in now.
    """
    needs = NEEDS.get(endpoint)
    if not needs:
        return ()
    permits, mfa = permitted(), True if with_mfa else mfa_present()
    # A page asks this about every link of it, and the answer stays the same while the document does.
    known: TTLCache[object, Sequence[Need]] = current_app.extensions["ruled-out"]
    key = (permits.arn, mfa, endpoint)
    with _lock:
        if key in known:
            return known[key]
    found = tuple(need for need in needs if ruled_out(need, permits, mfa))
    with _lock:
        known[key] = found
    return found


def may(endpoint: str) -> bool:
    """For templates: is this worth offering?"""
    return not denied(endpoint)


def register(app: Flask) -> None:
    """Let templates ask."""
    app.jinja_env.globals.update(may=may, offered=offered)
    app.extensions["ruled-out"] = TTLCache(50_000, SECONDS_KEPT)


class NotOffered(Forbidden):
    """The configured document rules out what an endpoint needs."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.endpoint = endpoint


def explain_what_cannot_work() -> None:
    """Stop a request for what the configured document rules out for the user. Raises NotOffered."""
    if request.endpoint not in NEEDS or not current_user.is_authenticated:
        return
    if not current_user.with_mfa and getattr(current_app.view_functions[request.endpoint], "needs_mfa", False):
        return  # its own guard leads to the overview
    if denied(request.endpoint):
        raise NotOffered(request.endpoint)


def explanation(endpoint: str) -> str:
    """Return the page that says what is missing for an endpoint."""
    lacks = denied(endpoint)
    later = not person().with_mfa and not denied(endpoint, with_mfa=True)
    code = "mfa-first" if later else "not-offered"
    return render_template("not_offered.html", lacks=lacks, permits=permitted(), later=later, refused_with=code)
