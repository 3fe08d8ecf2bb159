"""Signing as https://www.standardwebhooks.com says, so that receivers verify with a library of theirs.

A library of ours would be three lines shorter than this, and one dependency longer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32
SHORTEST_BYTES, LONGEST_BYTES = 24, 64


def new_secret() -> str:
    """A signing secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether this is a signing secret: `whsec_` and 24 to 64 bytes in base64."""
    try:
        return text.startswith(PREFIX) and SHORTEST_BYTES <= len(_key_of(text)) <= LONGEST_BYTES
    except binascii.Error:
        return False


def signed_headers(secret: str, *, identifier: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed message; the identifier stays the same when it is sent again."""
    signed = f"{identifier}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(_key_of(secret), signed, hashlib.sha256)).decode()
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _key_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
