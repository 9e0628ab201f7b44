"""A static AWS for measuring: answers IAM and STS reads after a fixed time, and costs next to nothing itself.

`python -m bench._upstream PORT LATENCY_MS`; a process of its own, so that only the portal's side is measured.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from typing import ClassVar, cast
from urllib.parse import parse_qs

import uvloop

READS = (
    "list_mfa_devices",
    "list_access_keys",
    "get_login_profile",
    "list_ssh_public_keys",
    "list_signing_certificates",
)
"""What the overview asks for on every page, by the names of botocore's methods."""
_WHEN = "2026-05-01T10:00:00Z"
_KEY = (
    "<member><UserName>olga</UserName><AccessKeyId>AKIA{n}AAAAAAAAAAAAAAA</AccessKeyId>"
    f"<Status>Active</Status><CreateDate>{_WHEN}</CreateDate></member>"
)
ANSWERS = {
    "ListMFADevices": "<MFADevices><member><UserName>olga</UserName>"
    f"<SerialNumber>arn:aws:iam::123456789012:mfa/olga</SerialNumber><EnableDate>{_WHEN}</EnableDate>"
    "</member></MFADevices><IsTruncated>false</IsTruncated>",
    "ListAccessKeys": f"<AccessKeyMetadata>{_KEY.format(n=1)}{_KEY.format(n=2)}</AccessKeyMetadata>"
    "<IsTruncated>false</IsTruncated>",
    "GetLoginProfile": f"<LoginProfile><UserName>olga</UserName><CreateDate>{_WHEN}</CreateDate>"
    "<PasswordResetRequired>false</PasswordResetRequired></LoginProfile>",
    "ListAccountAliases": "<AccountAliases><member>bench</member></AccountAliases><IsTruncated>false</IsTruncated>",
    "ListSSHPublicKeys": "<SSHPublicKeys><member><UserName>olga</UserName><SSHPublicKeyId>APKAAAAAAAAAAAAAAAAA"
    f"</SSHPublicKeyId><Status>Active</Status><UploadDate>{_WHEN}</UploadDate></member></SSHPublicKeys>"
    "<IsTruncated>false</IsTruncated>",
    "ListSigningCertificates": "<Certificates></Certificates><IsTruncated>false</IsTruncated>",
}


SEED = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 2
_SERIAL = "arn:aws:iam::123456789012:mfa/newcomer"
NEWCOMERS = {
    "GetCallerIdentity": "<Arn>arn:aws:iam::123456789012:user/newcomer</Arn><UserId>AIDANEWCOMER</UserId>"
    "<Account>123456789012</Account>",
    "CreateVirtualMFADevice": f"<VirtualMFADevice><SerialNumber>{_SERIAL}</SerialNumber><Base32StringSeed>"
    f"{base64.b64encode(SEED.encode()).decode()}</Base32StringSeed></VirtualMFADevice>",
    "EnableMFADevice": "",
    "GetSessionToken": f"<Credentials><AccessKeyId>ASIA{'A' * 16}</AccessKeyId><SecretAccessKey>{'s' * 40}"
    f"</SecretAccessKey><SessionToken>{'t' * 300}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
    "</Credentials>",
}
"""For a user who sets up MFA. A key that starts with AKIANEW has no device before EnableMFADevice."""


def _answer(action: str, inside: str) -> bytes:
    xml = (
        f'<{action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><{action}Result>{inside}'
        f"</{action}Result><ResponseMetadata><RequestId>0f0f0f0f-0000-4000-8000-000000000000</RequestId>"
        f"</ResponseMetadata></{action}Response>"
    ).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(xml), xml)


_READY = {action: _answer(action, inside) for action, inside in (ANSWERS | NEWCOMERS).items()}
_NO_DEVICE = _answer("ListMFADevices", "<MFADevices></MFADevices><IsTruncated>false</IsTruncated>")


class _Connection(asyncio.Protocol):
    """One keep-alive connection: requests one after the other, as botocore sends them."""

    latency_s = 0.08
    enrolled: ClassVar[set[bytes]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, which has no such base
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank:
            return
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")),
            0,
        )
        if len(body) < length:
            return
        action = parse_qs(body.decode())["Action"][0]
        self._data = body[length:]
        key = head.partition(b"Credential=")[2][:20]
        if action == "EnableMFADevice":
            self.enrolled.add(key)
        bare = action == "ListMFADevices" and key.startswith(b"AKIANEW") and key not in self.enrolled
        answer = _NO_DEVICE if bare else _READY[action]
        asyncio.get_running_loop().call_later(self.latency_s, self._transport.write, answer)


async def _serve(port: int, latency_s: float) -> None:
    _Connection.latency_s = latency_s
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
