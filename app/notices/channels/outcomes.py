"""Why a message wasn't sent: the stored codes, with a sentence for each."""

from __future__ import annotations

import re

from app.text.messages import N_, _

SENTENCES = {
    "cancelled": N_("It was cancelled while a worker had it. It isn’t tried again."),
    "paused": N_("It was cancelled because its campaign was paused."),
    "channel-failed": N_("An error in Latchkey kept it from being sent. See the log."),
    "interrupted": N_("Latchkey stopped while sending it, so it may have arrived. Send it again if it didn’t."),
    "no-address": N_("The user’s mail address isn’t known."),
    "address-not-read": N_("Latchkey could not read the user’s mail address. The log says more."),
    "not-written": N_("An error in Latchkey kept it from being written. See the log."),
    "user-gone": N_("The user was deleted, and a new user has this name. The notice wasn’t sent to them."),
    "address-bounced": N_("Mail to the address came back. Correct the address, or send the notice again."),
    "came-back": N_("The email came back. Emails to the address are no longer held back."),
    "sent-again": N_("The email came back, and was sent again."),
    "address-invalid": N_("The address isn’t a mail address. Correct it in the file, tag or pattern of addresses."),
    "address-needs-smtputf8": N_("The mail server doesn’t support addresses with these letters (SMTPUTF8)."),
    "certificate-not-trusted": N_("The server’s TLS certificate isn’t trusted. Check the name and NOTICES_CA_FILE."),
    "closed": N_("The server closed the connection."),
    "host-unknown": N_("The name of the server is unknown. Check the setting and the DNS."),
    "login-refused": N_("The mail server refused the login. Check SMTP_USER and SMTP_PASSWORD."),
    "no-login": N_("The mail server supports no login that Latchkey knows. Check SMTP_SECURITY and SMTP_USER."),
    "no-starttls": N_("The mail server doesn’t offer STARTTLS. Check the port and SMTP_SECURITY."),
    "no-tls": N_("The server doesn’t speak TLS on this port. Check the port and the setting."),
    "not-http": N_("The server didn’t answer like a web server. Check the address."),
    "not-reached": N_("The server can’t be reached. Check the address and the port."),
    "not-smtp": N_("The server didn’t answer like a mail server. Check the port and SMTP_SECURITY."),
    "private-address": N_(
        "The server’s name resolves to a private address. If that is right, set NOTICES_PRIVATE_ADDRESSES=1."
    ),
    "timed-out": N_("The server didn’t answer in time."),
}
"""By code."""
_NUMBERED = {
    "content": N_("The mail server refused the message (%(number)s)."),
    "recipient": N_("The mail server refused the address (%(number)s)."),
    "sender": N_("The mail server refused the sender (%(number)s). Check SMTP_FROM."),
    "server": N_("The mail server refused the connection (%(number)s)."),
    "http": N_("The server answered with status %(number)s."),
}
"""By the first part of a code like "recipient-550"."""


def said(code: str) -> str:
    """Return a sentence for the code of a `TryLater` or `Refused`, and what to do about it."""
    if found := re.fullmatch(r"([a-z]+)-(\d{3})", code):
        return _(_NUMBERED[found[1]], number=found[2])
    return _(SENTENCES[code])
