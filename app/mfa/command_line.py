"""What users type on the command line once they have MFA, and what the AWS CLI answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.sessions.contents import Person


def commands(person: Person, region: str, serial_number: str, sandbox_url: str) -> dict[str, str]:
    """Return commands and outputs by the id of the element that shows them on the page.

    serial_number: of the device whose codes the user enters, "" where no device shows codes.
    sandbox_url: of the sandbox, "" on real AWS. Sources: AWS CLI Command Reference, `configure mfa-login`, `login`,
    `sts get-session-token`.
    """
    name = person.user_name
    profile, with_mfa, console = (_profile(name + ending) for ending in ("", "-mfa", "-console"))
    by_key = bool(person.access_key_id)
    expires = datetime.now(UTC).replace(minute=0, second=0) + timedelta(hours=12)
    try_out = f"--region {region} --profile {with_mfa}" if by_key else f"--profile {profile}"
    return {
        "endpoint-sh": f"export AWS_ENDPOINT_URL={sandbox_url} AWS_DEFAULT_REGION=us-east-1",
        "endpoint-powershell": f'$env:AWS_ENDPOINT_URL = "{sandbox_url}"\n$env:AWS_DEFAULT_REGION = "us-east-1"',
        "endpoint-cmd": f"set AWS_ENDPOINT_URL={sandbox_url}\nset AWS_DEFAULT_REGION=us-east-1",
        "login-region": f"aws configure set region {region} --profile {profile}",
        "aws-login": f"aws login --profile {profile}",
        "aws-logout": f"aws logout --profile {profile}",
        "login-answer": f"Updated profile {name} to use {person.arn} credentials.\n"
        f'Use "--profile {name}" to use the new credentials, such as "aws sts get-caller-identity --profile {name}"',
        "login-password": f"aws login --profile {console}",
        "describe-instances": f"aws ec2 describe-instances {try_out}",
        "configure": f"aws configure --profile {profile}",
        "mfa-login": f"aws configure mfa-login --profile {profile} --update-profile {with_mfa} "
        f"--serial-number {serial_number}",
        "mfa-login-answer": f"MFA {'token'} code: 123456\n"
        f"Temporary credentials written to profile '{name}-mfa'\n"
        f"Credentials will expire at {expires:%Y-%m-%d %H:%M:%S} UTC\n"
        f"To use these credentials, specify --profile {name}-mfa when running AWS CLI commands",
        "get-session-token": f"aws sts get-session-token --profile {profile} --serial-number {serial_number} "
        "--token-code CODE",
        "by-hand-sh": "export AWS_ACCESS_KEY_ID=...\nexport AWS_SECRET_ACCESS_KEY=...\nexport AWS_SESSION_TOKEN=...",
        "by-hand-powershell": '$env:AWS_ACCESS_KEY_ID = "..."\n$env:AWS_SECRET_ACCESS_KEY = "..."\n'
        '$env:AWS_SESSION_TOKEN = "..."',
        "by-hand-cmd": "set AWS_ACCESS_KEY_ID=...\nset AWS_SECRET_ACCESS_KEY=...\nset AWS_SESSION_TOKEN=...",
        "unset-sh": "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
        "unset-powershell": "Remove-Item Env:AWS_ACCESS_KEY_ID, Env:AWS_SECRET_ACCESS_KEY, Env:AWS_SESSION_TOKEN",
        "unset-cmd": "set AWS_ACCESS_KEY_ID=\nset AWS_SECRET_ACCESS_KEY=\nset AWS_SESSION_TOKEN=",
        "config": f"[profile {name}]\nregion = {region}\nmfa_serial = {serial_number}",
    }


def _profile(name: str) -> str:
    """Return a profile's name as an argument, in quotation marks where a shell needs them."""
    return f'"{name}"' if name[0] in "@,=+-" or "," in name else name
