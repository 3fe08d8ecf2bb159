"""Signing in to Google Cloud as a service account: what to send for an access token, and what comes back. No I/O.

(developers.google.com/identity/protocols/oauth2/service-account, RFC 7523.) The gateway does the exchange: where
`Vertex.needed_token(provider)` names an account, it sends `token_request(account, now)` with its upstream (which is
config.lib.outbound), reads `read_token(status, body, now)`, keeps the token until it `is_stale`, and gives
`Vertex.signed_in(provider, account, token)` to `build_request` in the provider's place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec

from config.lib import google_sign_in
from config.lib.google_sign_in import GRANT, LIFETIME_SECONDS, TOKEN_URI
from routing.credential_formats import GLOBAL, UnusableCredential, read_credential
from routing.provider_failures import ProviderFailure
from routing.providers.failures import CREDENTIAL_MESSAGE, broken_answer, failure_of_response
from routing.providers.wire_format import UpstreamRequest

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EARLY_SECONDS = 300
"""A token is renewed so long before its end."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who signs in, and where its requests run. The key is never shown."""

    email: str
    project: str
    region: str
    key_id: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and when it ends (seconds since 1970)."""

    value: str = field(repr=False)
    expires_at: float

    def is_stale(self, now: float) -> bool:
        """Whether it is time for a new one."""
        return now >= self.expires_at - EARLY_SECONDS


def read_service_account(text: str) -> ServiceAccount:
    """The account of a key file. Raises UnusableCredential, whose message repeats nothing of it."""
    fields = json.loads(read_credential("google-vertex", text).text)
    return ServiceAccount(
        email=fields["client_email"],
        project=fields["project_id"],
        region=fields.get("region", GLOBAL),
        key_id=fields["private_key_id"],
        private_key=fields["private_key"],
    )


def signed_assertion(account: ServiceAccount, now: float) -> str:
    """The JWT that asks for a token. Raises UnusableCredential."""
    try:
        return google_sign_in.signed_assertion(
            email=account.email, key_id=account.key_id, private_key=account.private_key, scope=SCOPE, now=now
        )
    except google_sign_in.UnusableKey as error:
        raise UnusableCredential(str(error)) from None


def token_request(account: ServiceAccount, now: float) -> UpstreamRequest:
    """What to send for a token. Raises UnusableCredential."""
    form = {"grant_type": GRANT, "assertion": signed_assertion(account, now)}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "Headgate",
    }
    return UpstreamRequest(TOKEN_URI, headers, urlencode(form).encode())


def read_token(status: int, body: bytes, now: float) -> AccessToken | ProviderFailure:
    """The token in the answer, or why there is none: what Google says of our credential is never repeated."""
    if status != 200:
        failure = failure_of_response(status, {}, b"")
        is_ours = 400 <= status < 500 and status not in (408, 429)
        if is_ours:
            return ProviderFailure("provider_unavailable", CREDENTIAL_MESSAGE, True, status)
        return failure
    try:
        fields: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        fields = None
    value = fields.get("access_token") if isinstance(fields, dict) else None
    seconds = fields.get("expires_in", LIFETIME_SECONDS) if isinstance(fields, dict) else 0
    if (
        not isinstance(value, str)
        or not value.isascii()
        or not value.isprintable()
        or " " in value
        or not value
    ):
        return broken_answer("The provider gave no access token")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
        seconds = LIFETIME_SECONDS
    return AccessToken(value, now + min(seconds, LIFETIME_SECONDS))
