"""What `policy render` writes: the options, and what is refused. Applied it is in tests/sandbox/test_applied.py."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from app.policy.documents import PARTITIONS, read, tailored
from app.policy.render import FORMATS, NotRenderable, Setup
from tests.support.applying import of_terraform, template_of

ACCOUNT = "111122223333"


def setup(variant: str = "recommended", partition: str = "aws", **options: Any) -> Setup:
    document = tailored(
        read(variant), ACCOUNT, partition, options.pop("no_paths", False), options.pop("no_sign_in", False)
    )
    return Setup(document, ACCOUNT, partition, **options)


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("form", list(FORMATS))
def test_every_format_is_of_its_partition_and_account_only(form: str, partition: str) -> None:
    text = FORMATS[form].write(setup(partition=partition, managed=("job-function/ViewOnlyAccess",), test_user=True))
    assert "accountid" not in text and ACCOUNT in text
    assert text.count("arn:") == text.count(f"arn:{partition}:")
    made = (
        "create-login-profile",
        "create-access-key",
        "::AccessKey",
        "aws_iam_access_key",
        'LoginProfile":',
        "--password",
    )
    assert not any(word in text for word in made)


def test_all_formats_carry_the_same_document_and_attachments() -> None:
    made = setup(group="Developers", managed=("AmazonS3ReadOnlyAccess", f"arn:aws:iam::{ACCOUNT}:policy/ours/Extra"))
    assert made.attached == (
        f"arn:aws:iam::{ACCOUNT}:policy/Force_MFA",
        "arn:aws:iam::aws:policy/AmazonEC2FullAccess",
        "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        f"arn:aws:iam::{ACCOUNT}:policy/ours/Extra",
    )
    assert json.loads(FORMATS["json"].write(made)) == made.document
    stack = json.loads(FORMATS["cloudformation"].write(made))["Resources"]
    assert stack["ForceMFA"]["Properties"]["PolicyDocument"] == made.document
    assert stack["Group"]["Properties"] == {
        "GroupName": "Developers",
        "ManagedPolicyArns": [{"Ref": "ForceMFA"}, *made.attached[1:]],
    }
    plan = of_terraform(FORMATS["terraform"].write(made))
    assert plan.document == made.document
    assert (plan.group, plan.others, plan.user) == ("Developers", list(made.attached[1:]), None)
    script = FORMATS["cli"].write(made)
    assert json.dumps(made.document, indent=2) in script
    assert [script.index(f"--policy-arn {arn}\n") for arn in made.attached] == sorted(
        script.index(f"--policy-arn {arn}\n") for arn in made.attached
    )


def test_without_paths_and_sign_in_the_rest_is_untouched() -> None:
    lean = json.dumps(setup(no_paths=True, no_sign_in=True).document)
    assert "user/*/" not in lean and "signin" not in lean
    assert "mfa/${aws:username}/*" in lean, "that star is a device’s name"
    assert setup("tutorial", no_paths=True, no_sign_in=True) == setup("tutorial")


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"group": "EC2 MFA"}, "group"),
        ({"group": "x'; rm -rf /; '"}, "group"),
        ({"group": 'x"\n'}, "group"),
        ({"group": ""}, "group"),
        ({"managed": ("Some Policy",)}, "managed-policy"),
        ({"managed": ("$(id)",)}, "managed-policy"),
        ({"managed": ("arn:aws:iam::12:policy/X",)}, "managed-policy"),
        ({"managed": tuple(f"Policy{number}" for number in range(9))}, "managed-policy"),
    ],
)
def test_names_that_are_none_are_refused_before_they_reach_a_script(options: dict[str, Any], option: str) -> None:
    with pytest.raises(NotRenderable) as refused:
        setup(**options)
    assert refused.value.option == option and "\n" not in str(refused.value).replace("\\n", "")


def test_a_hostile_document_stays_text(tmp_path: Any) -> None:
    nasty = "POLICY\n$(touch owned)`touch owned`${var.x}%{ if true }'\"\\"
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": nasty, "Effect": "Allow", "Action": "a:b", "Resource": "*"}],
    }
    made = Setup(document, ACCOUNT)
    assert of_terraform(FORMATS["terraform"].write(made)).document == document
    stack = template_of(FORMATS["cloudformation"].write(made))
    assert stack["Resources"]["ForceMFA"]["Properties"]["PolicyDocument"] == document
    script = FORMATS["cli"].write(made).replace("aws ", "echo aws ")
    heredoc = script[script.index("cat >") : script.index("\nPOLICY\n", script.index("cat >")) + 8]
    done = subprocess.run(["/bin/sh", "-c", f"document=kept\n{heredoc}"], cwd=tmp_path, check=True)
    assert done.returncode == 0
    assert json.loads((tmp_path / "kept").read_text()) == document
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]
