"""What static/public-keys.js says about what is pasted, before anything leaves the page. By code."""

from __future__ import annotations

from app.text.messages import _

_NAME = "%(type)s"
"""In the text about a key of another type: the page puts the key's type there."""


def page_texts(credential_type: str) -> dict[str, str]:
    """Return the texts by code. credential_type: "ssh-key" or "certificate"."""
    said = {
        "private-key:left": _(
            "This contained a private key, so we removed it. It never left your computer. Only the public part is "
            "still here. Check it, then upload it."
        ),
        "private-key:pkcs12": _(
            "That’s a PKCS#12 file, which usually contains a private key, so we removed it. It never left your "
            "computer. To get the certificate alone, run: openssl pkcs12 -in FILE -clcerts -nokeys"
        ),
        "too-large": _("This file is too large for one public key or certificate. It wasn’t sent."),
        "unreadable": _("We couldn’t read this file. Choose it again."),
        "several-files": _("You dropped several files. Nothing was sent. Drop one file only."),
    }
    return said | (_about_ssh_keys() if credential_type == "ssh-key" else _about_certificates())


def _about_ssh_keys() -> dict[str, str]:
    return {
        "private-key:ssh-key": _(
            "That’s a private key, so we removed it. It never left your computer. Paste the public key instead: the "
            "file that ends in .pub, or what this prints: ssh-keygen -y -f FILE"
        ),
        "wrong-key-type": _(
            "This key has the type %(type)s. CodeCommit accepts RSA keys only. Create one as shown below.", type=_NAME
        ),
        "certificate": _("This is a certificate. Upload it on the Certificates page."),
        "several-keys": _("There is more than one key here. Upload them one by one."),
    }


def _about_certificates() -> dict[str, str]:
    return {
        "private-key:certificate": _(
            "That’s a private key, so we removed it. It never left your computer. Paste only the certificate. If "
            "it’s in the same file, this prints it: openssl x509 -in FILE"
        ),
        "ssh-key": _("This is an SSH key. Upload it on the SSH keys page."),
        "request": _("This is a request for a certificate. Paste the certificate you got for it."),
        "public-key": _("This is only a public key, not a certificate."),
        "several": _("There is more than one certificate here. Paste only your own, which is usually the first."),
    }
