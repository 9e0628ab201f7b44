"""The company's OpenID Connect provider of this process, and the addresses of this portal that it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, url_for

from app.oidc.errors import ProviderUnavailable

if TYPE_CHECKING:
    from app.oidc.provider import Provider


def provider() -> Provider:
    """Return the provider. Only where OIDC_ISSUER is set."""
    return cast("Provider", current_app.extensions["oidc-provider"])


def callback() -> str:
    """Return the address where the provider sends the browser after a sign-in."""
    return str(current_app.config["PUBLIC_URL"]) + url_for("company_signin.callback")


def sign_out_address() -> str:
    """Return where people sign out at the provider and come back from, "" where they can't now."""
    if not current_app.config["OIDC_ISSUER"]:
        return ""
    try:
        return provider().sign_out_address(str(current_app.config["PUBLIC_URL"]) + url_for("signin.sign_in"))
    except ProviderUnavailable:
        return ""
