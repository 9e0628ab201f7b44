"""The credentials of the user who runs a command: their AWS profile, as AWS tools find it. Pages never use it."""

from __future__ import annotations

import boto3
from botocore.exceptions import BotoCoreError

from app.aws.clients import AwsCredentials
from app.errors import Refused


class NoCredentials(Refused):
    """The machine has none, or none of this name."""

    code = "no-credentials"
    message = "There are no AWS credentials here. Name a profile with --profile, or set AWS_PROFILE."


def credentials_of(profile: str | None) -> AwsCredentials:
    """A copy of the profile's credentials, of the default one where none is named. Raises NoCredentials."""
    try:
        found = boto3.Session(profile_name=profile).get_credentials()
        if found is None:
            raise NoCredentials
        frozen = found.get_frozen_credentials()
        if not (frozen.access_key and frozen.secret_key):
            raise NoCredentials
    except BotoCoreError as error:  # no such profile, a sign-in that is over, a role that cannot be assumed
        raise NoCredentials(f"The AWS profile cannot be used: {error}") from error
    return AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token)
