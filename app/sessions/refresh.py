"""Credentials of AWS Sign-In last 15 minutes. One request at a time gets the next ones, ahead of time.

The refresh token works once. So a request that refreshes first says so in the stored session, and stores the new
token before anyone uses the new credentials. Other requests, in any process, continue with what they have, or wait
for the outcome if that has expired.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from app.aws.signin import SignInGateway
from app.errors import (
    CodeRefused,
    NoResponse,
    PasswordWasChanged,
    PortalError,
    RenewalNotPermitted,
    RenewalRefused,
    SignInExpired,
    SignInNotPermitted,
    Throttled,
)
from app.sessions import current
from app.sessions.contents import Renewal

AHEAD = timedelta(minutes=5)
"""Refreshed when less than this is left, as botocore does."""
CLAIM = timedelta(seconds=20)
"""Longer than a request waits for AWS. Nobody waits forever for a request that died."""
CLOCKS_APART = timedelta(seconds=60)
"""By how much the clocks of replicas may differ. A claim can look that much older or younger to another replica."""
LEFT_TO_WORK_WITH = timedelta(seconds=30)
"""With this much left nobody waits for the request that refreshes."""
LOOK_EVERY_S = 0.1


def keep_signed_in(gateway: SignInGateway) -> None:
    """Make sure that the session's credentials are valid. Sessions that aren't through AWS Sign-In stay as they are.

    Raises SignInExpired (and PasswordWasChanged, RenewalRefused, RenewalNotPermitted), Throttled, NoResponse.
    """
    deadline = time.monotonic() + 2 * CLAIM.total_seconds()
    while renewal := current.renewal():
        expires_at, now = _expiry(), datetime.now(UTC)
        if expires_at - now > AHEAD:
            return
        claimed = current.renewing_until()
        if claimed is None or claimed + CLOCKS_APART <= now:
            if current.claim_renewal(now + CLAIM):
                _refresh(gateway, renewal, expires_at)
                return
        elif expires_at - now > LEFT_TO_WORK_WITH:
            return
        elif time.monotonic() > deadline:
            raise NoResponse
        else:
            time.sleep(LOOK_EVERY_S)
            current.look_again()


def _expiry() -> datetime:
    credentials = current.credentials()
    return (credentials and credentials.expires_at) or datetime.max.replace(tzinfo=UTC)


def _refresh(gateway: SignInGateway, renewal: Renewal, expires_at: datetime) -> None:
    try:
        tokens = gateway.refresh(renewal.client_id, renewal.refresh_token, renewal.dpop_key)
    except (Throttled, NoResponse):
        current.release_renewal()
        if datetime.now(UTC) < expires_at:
            return  # what we have is still good, the next request tries again
        raise
    except SignInNotPermitted as refusal:
        raise RenewalNotPermitted from refusal
    except PasswordWasChanged:
        raise
    except (CodeRefused, SignInExpired) as refusal:  # the codes of a wrong code, and nobody has typed one
        raise RenewalRefused(request_id=refusal.request_id) from refusal
    except PortalError:
        current.release_renewal()
        raise
    current.keep_renewed(tokens)
