"""Why an SSH public key is refused, and which types CodeCommit doesn't accept. Pure."""

from __future__ import annotations

from app.public_keys.pasted import PastedTextRefused
from app.text.messages import N_, _

MAKE_ONE = "ssh-keygen -t rsa -b 4096 -f ~/.ssh/codecommit_rsa"

WRONG_TYPES = {
    "ed25519": N_("This is an Ed25519 key. CodeCommit accepts RSA keys only. Create one with: %(command)s"),
    "ed448": N_("This is an Ed448 key. CodeCommit accepts RSA keys only. Create one with: %(command)s"),
    "dsa": N_("This is a DSA key. CodeCommit accepts RSA keys only. Create one with: %(command)s"),
    "ecdsa": N_("This is an ECDSA key. CodeCommit accepts RSA keys only. Create one with: %(command)s"),
    "diffie-hellman": N_(
        "This is a Diffie-Hellman key. CodeCommit accepts RSA keys only. Create one with: %(command)s"
    ),
    "security-key-ed25519": N_(
        "This key belongs to a security key (Ed25519). CodeCommit accepts RSA keys only. Create one with: %(command)s"
    ),
    "security-key-ecdsa": N_(
        "This key belongs to a security key (ECDSA). CodeCommit accepts RSA keys only. Create one with: %(command)s"
    ),
}
"""The sentence about each type of key that CodeCommit doesn't accept."""
_OTHER_TYPE = N_("This key has another type. CodeCommit accepts RSA keys only. Create one with: %(command)s")
OTHER_KEY_TYPES = {
    "ssh-ed25519": "ed25519",
    "ssh-ed448": "ed448",
    "ssh-dss": "dsa",
    "ecdsa-sha2-nistp256": "ecdsa",
    "ecdsa-sha2-nistp384": "ecdsa",
    "ecdsa-sha2-nistp521": "ecdsa",
    "sk-ssh-ed25519@openssh.com": "security-key-ed25519",
    "sk-ecdsa-sha2-nistp256@openssh.com": "security-key-ecdsa",
}
"""Those types, by the name a key starts with."""
ALGORITHMS = {
    bytes.fromhex("2a8648ce3d0201"): "ecdsa",
    bytes.fromhex("2b6570"): "ed25519",
    bytes.fromhex("2b6571"): "ed448",
    bytes.fromhex("2a8648ce380401"): "dsa",
    bytes.fromhex("2a864886f70d010301"): "diffie-hellman",
    bytes.fromhex("2a8648ce3e0201"): "diffie-hellman",
}
"""Other types in PEM, by the identifier of their algorithm (RFC 3279, RFC 5480, RFC 8410)."""

REFUSALS = {
    "too-small": N_(
        "This RSA key has %(bits)s bits. AWS accepts keys from %(least)s bits. Create a longer one with: %(command)s"
    ),
    "too-large": N_("This RSA key has %(bits)s bits. AWS accepts up to %(most)s."),
    "not-text": N_("This file isn’t text, so it isn’t an OpenSSH public key. Choose the file that ends in .pub."),
    "empty": N_("Paste the public key, or choose its file."),
    "too-long": N_("This is too long for one public key. AWS accepts up to %(num)s characters."),
    "certificate": N_("This is a certificate, not an SSH key. Upload it on the Certificates page."),
    "another-block": N_(
        "This is a “%(name)s” block, not an SSH public key. Paste what is in the file that ends in .pub."
    ),
    "cut-short-or-text-beside-it": N_(
        "The key is cut off, or there is other text beside it. Copy all of the file that ends in .pub again."
    ),
    "no-beginning": N_(
        "The beginning of the key, ssh-rsa, is missing. Copy all of the file that ends in .pub again."
    ),
    "no-key": N_("The key is missing after ssh-rsa. Copy all of the file that ends in .pub again."),
    "json-web-key": N_("This is a JSON Web Key. Paste the OpenSSH form of the key: a line that starts with ssh-rsa."),
    "fingerprint": N_("This is a key’s fingerprint. Paste the key, from the file that ends in .pub."),
    "file-name": N_("This is the name of a file. Choose the file below, or paste what is in it."),
    "something-else": N_(
        "This isn’t an SSH public key. Those start with ssh-rsa. Paste what is in the file that ends in .pub."
    ),
    "ssh-certificate": N_(
        "This is an SSH certificate. CodeCommit accepts plain public keys: paste the file without “-cert”."
    ),
    "unknown-type": N_(
        "This type of key isn’t known here. CodeCommit accepts RSA keys only. Create one with: %(command)s"
    ),
}
"""The sentences about other things people paste, by code."""


class WrongKeyType(PastedTextRefused):
    """A whole key, but of another type."""

    code = "wrong-key-type"
    diagnoses = frozenset(WRONG_TYPES)

    def __init__(self, key_type: str) -> None:
        """key_type: "ecdsa", one of OTHER_KEY_TYPES or ALGORITHMS; "" for any other."""
        super().__init__(_(WRONG_TYPES.get(key_type, _OTHER_TYPE), command=MAKE_ONE), key_type)


def refusal(code: str, *, detail: int | str = "", **values: object) -> PastedTextRefused:
    """Return the refusal with this code of REFUSALS. detail: goes behind the code. values: of the text."""
    return PastedTextRefused(_(REFUSALS[code], **values), f"{code}:{detail}" if detail else code)


def several() -> PastedTextRefused:
    """More than one key: which one is meant is the user's choice."""
    return PastedTextRefused(_("There is more than one key here. Upload them one by one."), "several-keys")


def text_before_it() -> PastedTextRefused:
    """Options, a host name or a prompt on the line of the key."""
    return PastedTextRefused(
        _("There is text before the key. Paste only the part that starts with ssh-rsa."), "text-before-it"
    )


def damaged() -> PastedTextRefused:
    """It starts like a key, but isn't a whole one."""
    return PastedTextRefused(
        _("The key is cut off or damaged. Copy all of the file that ends in .pub again."), "cut-short"
    )
