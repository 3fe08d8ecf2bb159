"""Short-lived AWS credentials of a customer's role, by STS AssumeRole with an external id, kept until they end.

(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from config.lib.aws_signature import AwsCredential, Scope, signed_headers
from config.lib.environment import Environment, environment
from config.lib.outbound import CallFailed
from observability.destinations.destination import Door
from observability.destinations.exchange import VendorRequest

LIFETIME_SECONDS: Final = 3600
EARLY_SECONDS: Final = 300
MOST_KEPT: Final = 1000
STS_REGION: Final = "us-east-1"
SESSION_NAME: Final = "headgate-broadcast"


class RoleRefused(Exception):
    """The role cannot be assumed. `is_final`: not before somebody changes something."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


def may_assume_roles(settings: Environment) -> bool:
    """Whether the operator gave keys to do so with."""
    return bool(settings.aws_access_key_id and settings.aws_secret_access_key)


class AssumedRoles:
    """The credentials of one process; lost with it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[AwsCredential, float]] = {}

    def credential(self, role: str, external_id: str, door: Door, now: float) -> AwsCredential:
        """A credential of the role that is good for some minutes at least. Raises RoleRefused."""
        kept = self._kept.get((role, external_id))
        if kept is not None and now < kept[1]:
            return kept[0]
        credential = _assume(role, external_id, door)
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[role, external_id] = credential, now + LIFETIME_SECONDS - EARLY_SECONDS
        return credential


def _assume(role: str, external_id: str, door: Door) -> AwsCredential:
    settings = environment()
    if not may_assume_roles(settings):
        raise RoleRefused("The operator's AWS keys are not set.", is_final=True)
    form = {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": SESSION_NAME,
        "ExternalId": external_id,
        "DurationSeconds": str(LIFETIME_SECONDS),
    }
    url, body = f"{settings.aws_sts_url.rstrip('/')}/", urlencode(form).encode()
    own = AwsCredential(
        settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token or None
    )
    headers = signed_headers(
        url,
        {"content-type": "application/x-www-form-urlencoded"},
        body,
        credential=own,
        scope=Scope(STS_REGION, "sts"),
        now=datetime.now(UTC),
    )
    try:
        reply = door.send(VendorRequest(url=url, headers=headers, body=body, traces=()))
    except CallFailed as error:
        raise RoleRefused(f"AWS STS did not answer: {error}", is_final=False) from error
    if reply.status != 200:
        is_final = 400 <= reply.status < 500 and reply.status not in (408, 429)
        raise RoleRefused(f"AWS STS answered with HTTP {reply.status}.", is_final=is_final)
    return _read(reply.body.decode("utf-8", "replace"))


def _read(answer: str) -> AwsCredential:
    """The three values of the XML, which have no markup in them."""
    found = [
        re.search(f"<{name}>([^<]+)</{name}>", answer)
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    ]
    values = [match.group(1).strip() for match in found if match]
    if len(values) != 3:
        raise RoleRefused("AWS STS gave no credentials.", is_final=False)
    return AwsCredential(*values)
