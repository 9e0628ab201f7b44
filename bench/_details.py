"""An account's authorization details for the entries; `python -m bench._details BYTES` reads some, prints its memory.

5,000 users in 60 groups with 200 policies, as `bench.forced` has them. To make the file larger, users get policies of
their own.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.compliance.data.details import parse
from app.policy.documents import read, rendered
from bench._accounts import ACCOUNT, NOW
from bench.forced import GROUPS, PEOPLE, POLICIES, policies


def details(at_least: int = 0) -> bytes:
    """A file of so many bytes, as `aws iam get-account-authorization-details` prints it."""
    chance, made = random.Random(1), f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    documents = [*policies(chance), rendered(read("recommended"), ACCOUNT)]
    names = [*(f"policy-{number}" for number in range(POLICIES)), "Force_MFA"]
    arns = [f"arn:aws:iam::{ACCOUNT}:policy/{name}" for name in names]
    managed = [
        {"PolicyName": name, "Arn": arn, "DefaultVersionId": "v1", "UpdateDate": made, "AttachmentCount": 1,
         "PolicyVersionList": [{"Document": document, "VersionId": "v1", "IsDefaultVersion": True}]}
        for name, arn, document in zip(names, arns, documents, strict=True)
    ]  # fmt: skip
    groups = []
    for number in range(GROUPS):
        held = [{"PolicyArn": arns[at]} for at in sorted(chance.sample(range(POLICIES), chance.randint(1, 6)))]
        groups.append({"GroupName": f"group-{number}", "Arn": f"arn:aws:iam::{ACCOUNT}:group/group-{number}",
                       "CreateDate": made, "GroupPolicyList": [], "AttachedManagedPolicies": held})  # fmt: skip
    users: list[dict[str, Any]] = []
    own = max(0, at_least - 1_500_000) // PEOPLE
    for number in range(PEOPLE):
        name = f"employee-{number:05d}"
        inline = [_own(name, own)] if own > 0 else []
        attached = [{"PolicyArn": arns[-1]}] if chance.random() < 0.85 else []
        users.append({"UserName": name, "UserId": f"AIDA{number:017d}", "Path": "/", "CreateDate": made, "Tags": [],
                      "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "UserPolicyList": inline,
                      "AttachedManagedPolicies": attached,
                      "GroupList": [f"group-{at}" for at in sorted(chance.sample(range(GROUPS), 2))]})  # fmt: skip
    told = {"UserDetailList": users, "GroupDetailList": groups, "RoleDetailList": [], "Policies": managed}
    return json.dumps(told).encode()


def _own(name: str, size: int) -> dict[str, Any]:
    """An inline policy of about so many bytes."""
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{name}/*"}
    number = max(1, size // len(json.dumps(statement)))
    return {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement] * number}}


def main(size: int) -> None:
    """Read such a file, as an upload is read."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "details.json"
        made = [sys.executable, "-c", f"import sys, bench._details as d; sys.stdout.buffer.write(d.details({size}))"]
        with file.open("wb") as output:
            subprocess.run(made, stdout=output, check=True)
        parse(file.read_bytes(), datetime.now(UTC))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main(int(sys.argv[1]))
