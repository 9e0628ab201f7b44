"""What rules say of several kinds of credentials in the same way. "{}" takes a date or a number of days. Pure."""

from __future__ import annotations

from typing import NamedTuple

from app.text.messages import N_


class UseSentences(NamedTuple):
    """Sentences about a credential that was used."""

    recently: str
    last: str
    too_long_ago: str


class UploadSentences(NamedTuple):
    """Sentences about a credential that was uploaded."""

    uploaded: str
    too_old: str
    time_unknown: str
    expired: str
    expired_since: str


PASSWORD = UseSentences(
    N_("The password was used on {}."),
    N_("The password was last used on {}, according to data collected on {}. It may have been used since."),
    N_("The password was last used on {}, {} days ago."),
)
KEY = UseSentences(
    N_("An access key was used on {}."),
    N_("An access key was last used on {}, according to data collected on {}. It may have been used since."),
    N_("An access key was last used on {}, {} days ago."),
)
CERTIFICATE = UploadSentences(
    N_("An active signing certificate was uploaded on {}."),
    N_("An active signing certificate was uploaded on {} and is {} days old."),
    N_("We don’t know when an active signing certificate was uploaded."),
    N_("An active signing certificate expired on {}."),
    N_("An active signing certificate expired on {}, according to data collected on {}. It may be gone by now."),
)
SSH_KEY = UploadSentences(
    N_("An active SSH key was uploaded on {}."),
    N_("An active SSH key was uploaded on {} and is {} days old."),
    N_("We don’t know when an active SSH key was uploaded."),
    N_("An active SSH key expired on {}."),
    N_("An active SSH key expired on {}, according to data collected on {}. It may be gone by now."),
)
