"""Signing a request to Amazon Web Services: Signature Version 4 (docs.aws.amazon.com/IAM, "Create a signed request").

Pure: whoever signs says what time it is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
NOT_SIGNED = frozenset({"expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"})
"""Headers that may change on their way (AWS's SDKs leave the same ones out)."""


@dataclass(frozen=True, slots=True)
class AwsCredential:
    """An access key; a temporary one has a session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Scope(NamedTuple):
    """What a signature is good for."""

    region: str
    service: str


def signed_headers(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credential: AwsCredential,
    scope: Scope,
    now: datetime,
    method: str = "POST",
) -> dict[str, str]:
    """The headers with those that sign a request of this body. `now` is in UTC, names are in lower case.

    The URL's path is escaped already, and escaped once more for the signature, as every service but S3 wants it.
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    sent = {**headers, "x-amz-date": moment}
    if scope.service == "s3":
        sent["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    if credential.session_token:
        sent["x-amz-security-token"] = credential.session_token
    signed = {name: " ".join(value.split()) for name, value in sent.items() if name not in NOT_SIGNED}
    signed["host"] = _host(parts)
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            method,
            (parts.path or "/") if scope.service == "s3" else quote(parts.path or "/", safe="/~"),
            _query(parts.query),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    purpose = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"{ALGORITHM}\n{moment}\n{purpose}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(_signing_key(credential, purpose), text.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = (
        f"{ALGORITHM} Credential={credential.access_key_id}/{purpose}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _signing_key(credential: AwsCredential, purpose: str) -> bytes:
    key = b"AWS4" + credential.secret_access_key.encode()
    for word in purpose.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return key


def _query(query: str) -> str:
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return "&".join(f"{name}={value}" for name, value in pairs)


def _host(parts: SplitResult) -> str:
    """The Host header as it is sent: with its port where the address names one."""
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return shown if parts.port is None else f"{shown}:{parts.port}"
