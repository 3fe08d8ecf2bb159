"""Signing in to Google Cloud as a service account: the assertion that is exchanged for an access token. No I/O.

(developers.google.com/identity/protocols/oauth2/service-account, RFC 7523)
"""

from __future__ import annotations

import base64
import json
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_SECONDS: Final = 3_600


class UnusableKey(Exception):
    """The private key cannot sign; the message repeats nothing of it."""


def signed_assertion(*, email: str, key_id: str, private_key: str, scope: str, now: float) -> str:
    """The JWT, signed with RS256, that asks for a token of the scope. Raises UnusableKey."""
    issued_at = int(now)
    header = {"alg": "RS256", "typ": "JWT", "kid": key_id}
    claims = {
        "iss": email,
        "scope": scope,
        "aud": TOKEN_URI,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
    }
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    signature = _key_of(private_key).sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_encoded(signature)}"


def _key_of(private_key: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKey("private_key is none that can be read.") from None
    if not isinstance(key, RSAPrivateKey):
        raise UnusableKey("private_key must be an RSA key.")
    return key


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
