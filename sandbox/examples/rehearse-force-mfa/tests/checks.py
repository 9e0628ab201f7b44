"""What the tests ask AWS, so that the same questions find a policy that is too weak."""

from latchkey_sandbox import Credentials, User, allowed

EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
"""Another policy of the user, which grants all. Only a deny keeps anything closed then."""

OUTSIDE = {
    "ec2": "describe_instances",
    "s3": "list_buckets",
    "iam": "list_roles",
    "dynamodb": "list_tables",
    "lambda": "list_functions",
    "secretsmanager": "list_secrets",
}
"""By service, a harmless call that has nothing to do with the user's credentials. Add those that matter to you."""


def reached(who: User | Credentials) -> set[str]:
    """Return the services outside IAM self-service that a user reaches."""
    found = set()
    for service, operation in OUTSIDE.items():
        client = who.client(service)
        try:
            if allowed(getattr(client, operation)):
                found.add(service)
        except client.exceptions.ClientError:  # allowed, and then the sandbox has no such service
            found.add(service)
    return found


def touched(user: User, other: User) -> set[str]:
    """Return what a user can do to another user's credentials. `user` needs no MFA for this question."""
    iam = user.client("iam")
    worked = {
        "list access keys": allowed(iam.list_access_keys, UserName=other.name),
        "create an access key": allowed(iam.create_access_key, UserName=other.name),
        "create their MFA device": allowed(iam.create_virtual_mfa_device, VirtualMFADeviceName=other.name),
        "remove their password": allowed(iam.delete_login_profile, UserName=other.name),
    }
    return {deed for deed, was_allowed in worked.items() if was_allowed}
