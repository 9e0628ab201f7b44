"""Why an SSH public key is not taken, and which kinds CodeCommit does not take. Pure."""

from __future__ import annotations

from app.public_keys.pasted import PastedTextRefused

MAKE_ONE = "ssh-keygen -t rsa -b 4096 -f ~/.ssh/codecommit_rsa"
WHOLE = "Copy it again, all of it: the file ends in .pub."

NAMES = {
    "ed25519": "an Ed25519 key",
    "ed448": "an Ed448 key",
    "dsa": "a DSA key",
    "ecdsa": "an ECDSA key",
    "diffie-hellman": "a Diffie-Hellman key",
    "security-key-ed25519": "a key of a security key (Ed25519)",
    "security-key-ecdsa": "a key of a security key (ECDSA)",
}
"""What kinds of keys that CodeCommit does not take are called."""
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
"""Those kinds, by the name a key begins with."""
ALGORITHMS = {
    bytes.fromhex("2a8648ce3d0201"): "ecdsa",
    bytes.fromhex("2b6570"): "ed25519",
    bytes.fromhex("2b6571"): "ed448",
    bytes.fromhex("2a8648ce380401"): "dsa",
    bytes.fromhex("2a864886f70d010301"): "diffie-hellman",
    bytes.fromhex("2a8648ce3e0201"): "diffie-hellman",
}
"""Other kinds in PEM, by the identifier of their algorithm (RFC 3279, RFC 5480, RFC 8410)."""


class WrongKeyType(PastedTextRefused):
    """A sound key of another kind."""

    code = "wrong-key-type"

    def __init__(self, key_type: str) -> None:
        """key_type: "ecdsa", one of OTHER_KEY_TYPES or ALGORITHMS; "" for any other."""
        what = NAMES.get(key_type, "a key of another kind")
        super().__init__(
            f"This is {what}. CodeCommit takes RSA keys only. Make one beside it with: {MAKE_ONE}", key_type
        )


def several() -> PastedTextRefused:
    """There is a choice, and it is not ours."""
    return PastedTextRefused(
        "There is more than one key here. Paste one; each is uploaded on its own.", "several-keys"
    )


def text_before_it() -> PastedTextRefused:
    """Options, a host name or a prompt on the line of the key."""
    return PastedTextRefused(
        "There is text before the key. Paste the part that starts with ssh-rsa.", "text-before-it"
    )


def damaged() -> PastedTextRefused:
    """It begins like a key, and is none."""
    return PastedTextRefused(f"The key is cut short or damaged. {WHOLE}", "cut-short")
