"""Objects in an S3 bucket. Only a command reads them, with the profile of the user who runs it: no page does.

The portal's allow-list doesn't have the actions, and no page can import this module (a contract in pyproject.toml).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from botocore.exceptions import ClientError

from app.aws.clients import Clients, translate_errors
from app.errors import NoResponse, Refused
from app.text.messages import N_

READS_OF_BUCKET = frozenset({"s3:ListObjectsV2", "s3:GetObject"})
"""All that `compliance sync --bucket` asks of S3, as its API names it. Policies call the first s3:ListBucket."""
LIST, GET = "s3:ListBucket", "s3:GetObject"


class NoBucket(Refused):
    """There is no bucket of that name."""

    code = "no-bucket"
    message = N_("There’s no bucket with this name. Check the spelling and the profile.")


class ObjectChanged(Refused):
    """The object isn't the one that was listed."""

    code = "object-changed"
    message = N_("The object was changed or deleted while it was read. Run the command again.")


class StoredObject(NamedTuple):
    """An object as ListObjectsV2 lists it."""

    key: str
    etag: str
    """Changes whenever the content does (S3 API reference, Object)."""
    size: int
    """Bytes."""
    changed_at: datetime


class BucketGateway:
    """What a user may read of a bucket. Raises PortalErrors only (`translate_errors`)."""

    PAGE = 1000
    """The most that AWS lists at a time."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients.client("s3")

    def objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects whose key begins with the prefix (ListObjectsV2). Raises NoBucket, NotAllowed."""
        more: dict[str, str] = {}
        while True:
            with translate_errors(LIST):
                try:
                    answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=self.PAGE, **more)
                except ClientError as error:
                    if _code(error) == "NoSuchBucket":
                        raise NoBucket from error
                    raise
            for each in answer.get("Contents", []):
                yield StoredObject(each["Key"], each["ETag"], each["Size"], each["LastModified"])
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def content(self, bucket: str, listed: StoredObject, most: int) -> bytes:
        """Return the object's content, at most so many bytes of it (GetObject).

        Raises ObjectChanged, NotAllowed, NoResponse.
        """
        with translate_errors(GET):
            try:
                answer = self._client.get_object(Bucket=bucket, Key=listed.key, IfMatch=listed.etag)
            except ClientError as error:
                if _code(error) in ("PreconditionFailed", "NoSuchKey", "412"):
                    raise ObjectChanged from error
                raise
            found: bytes = answer["Body"].read(most)
        if len(found) < min(most, listed.size):
            raise NoResponse(action=GET)  # the connection broke, and half a report may look like a whole one
        return found


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
