"""`python -m bench._lists USERS`: answers IAM's lists from memory, in a process of its own; prints its port."""

from __future__ import annotations

import sys
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from app.aws.user_list import UserListEntry
from bench._accounts import ACCOUNT, users, virtual

PAGE = 1000
PEOPLE = users(int(sys.argv[1]))
HELD = virtual(PEOPLE)


def _time(name: str, moment: datetime | None) -> str:
    return f"<{name}>{moment:%Y-%m-%dT%H:%M:%SZ}</{name}>" if moment else ""


def _user(user: UserListEntry, tag: str) -> str:
    return (
        f"<{tag}><Path>{user.path}</Path><UserName>{user.user_name}</UserName><UserId>AIDAEXAMPLE</UserId>"
        f"<Arn>{user.arn}</Arn>{_time('CreateDate', user.created_at)}"
        f"{_time('PasswordLastUsed', user.password_last_used)}</{tag}>"
    )


def _pages(action: str, name: str, items: list[str]) -> dict[tuple[str, str], bytes]:
    made = {}
    for start in range(0, len(items), PAGE):
        more = start + PAGE < len(items)
        end = (
            f"<IsTruncated>true</IsTruncated><Marker>{start + PAGE}</Marker>"
            if more
            else "<IsTruncated>false</IsTruncated>"
        )
        body = f"<{name}>{''.join(items[start : start + PAGE])}</{name}>{end}"
        made[action, str(start) if start else ""] = _answer(action, body)
    return made


def _answer(action: str, body: str) -> bytes:
    return (
        f'<{action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><{action}Result>{body}</{action}Result>'
        f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


_DEVICES = [
    f"<member><SerialNumber>arn:aws:iam::{ACCOUNT}:mfa/{user.user_name}</SerialNumber>"
    f"{_time('EnableDate', user.created_at)}{_user(user, 'User')}</member>"
    for user in PEOPLE
    if user.user_name in HELD
]
_SUMMARY = "".join(
    f"<entry><key>{key}</key><value>{value}</value></entry>"
    for key, value in (
        ("Users", len(PEOPLE)), ("MFADevicesInUse", len(_DEVICES) + 3), ("AccountMFAEnabled", 1),
        ("AccountAccessKeysPresent", 0),
    )
)  # fmt: skip
ANSWERS = {
    **_pages("ListUsers", "Users", [_user(user, "member") for user in PEOPLE]),
    **_pages("ListVirtualMFADevices", "VirtualMFADevices", _DEVICES),
    ("GetAccountSummary", ""): _answer("GetAccountSummary", f"<SummaryMap>{_SUMMARY}</SummaryMap>"),
    ("ListAccountAliases", ""): _answer(
        "ListAccountAliases", "<AccountAliases></AccountAliases><IsTruncated>false</IsTruncated>"
    ),
    ("GetAccountPasswordPolicy", ""): _answer(
        "GetAccountPasswordPolicy",
        "<PasswordPolicy><ExpirePasswords>false</ExpirePasswords></PasswordPolicy>",
    ),
    ("ListMFADevices", ""): _answer("ListMFADevices", "<IsTruncated>false</IsTruncated><MFADevices/>"),
    ("ListAccessKeys", ""): _answer("ListAccessKeys", "<IsTruncated>false</IsTruncated><AccessKeyMetadata/>"),
    ("GetLoginProfile", ""): _answer(
        "GetLoginProfile",
        "<LoginProfile><UserName>x</UserName></LoginProfile>",
    ),
}


class Handler(BaseHTTPRequestHandler):
    """Static answers, and how many were asked for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    calls = 0

    def do_GET(self) -> None:
        """How many calls there were."""
        self._send(str(Handler.calls).encode())

    def do_POST(self) -> None:
        """One call of IAM."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        Handler.calls += 1
        self._send(ANSWERS[form["Action"][0], form.get("Marker", [""])[0]])

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quietly."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
