"""Signing in to Google Cloud as a service account: what to send for an access token, and what comes back. No I/O.

(developers.google.com/identity/protocols/oauth2/service-account, RFC 7523.) The gateway does the exchange: where
`Vertex.needed_token(provider)` names an account, it sends `token_request(account, now)` with its upstream (which is
config.lib.outbound), reads `read_token(status, body, now)`, keeps the token until it `is_stale`, and gives
`Vertex.signed_in(provider, account, token)` to `build_request` in the provider's place.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from routing.credential_formats import GLOBAL, GOOGLE_TOKEN_URI, UnusableCredential, read_credential
from routing.provider_failures import ProviderFailure
from routing.providers.failures import CREDENTIAL_MESSAGE, broken_answer, failure_of_response
from routing.providers.wire_format import UpstreamRequest

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_SECONDS = 3_600
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
    """The JWT, signed with RS256, that asks for a token. Raises UnusableCredential."""
    issued_at = int(now)
    header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    claims = {
        "iss": account.email,
        "scope": SCOPE,
        "aud": GOOGLE_TOKEN_URI,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
    }
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    signature = _key_of(account).sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_encoded(signature)}"


def token_request(account: ServiceAccount, now: float) -> UpstreamRequest:
    """What to send for a token. Raises UnusableCredential."""
    form = {"grant_type": GRANT, "assertion": signed_assertion(account, now)}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "Headgate",
    }
    return UpstreamRequest(GOOGLE_TOKEN_URI, headers, urlencode(form).encode())


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


def _key_of(account: ServiceAccount) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(account.private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableCredential("private_key is none that can be read.") from None
    if not isinstance(key, RSAPrivateKey):
        raise UnusableCredential("private_key must be an RSA key.")
    return key


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
