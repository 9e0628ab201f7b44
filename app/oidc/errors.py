"""What can go wrong at the provider."""

from __future__ import annotations

from app.errors import PortalError, Refused
from app.text.messages import N_


class ProviderUnavailable(PortalError):
    """The provider doesn't answer, or not with what the standard asks for."""

    code = "company-sign-in-unavailable"
    message = N_(
        "Your company’s sign-in can’t be reached right now. Try again in a moment. If that doesn’t help, "
        "%(ask_admin)s to check it."
    )
    status = 503


class TokenRefused(Refused):
    """The provider's answer isn't for this portal, this sign-in or this moment. diagnosis: the claim, or "token"."""

    code = "company-sign-in-refused"
    diagnoses = frozenset(
        {
            "code", "token",
            "iss", "sub", "aud", "exp", "nbf", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash",
        }
    )  # fmt: skip
    message = N_("Your company’s sign-in sent an answer that isn’t valid. Nobody was signed in. Start again.")


class LogoutRefused(Refused):
    """The logout token isn't right. diagnosis: the claim, or "token"."""

    code = "company-logout-refused"
    diagnoses = frozenset({"token", "typ", "events", "iss", "sub", "sid", "aud", "exp", "nbf", "iat", "jti", "nonce"})
    message = N_("The company’s sign-in sent a sign-out that isn’t valid. Nobody was signed out.")
