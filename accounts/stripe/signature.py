"""Whether an event comes from Stripe (docs.stripe.com/webhooks, "Verify manually")."""

from __future__ import annotations

import hashlib
import hmac
import re

TOLERANCE_SECONDS = 300
LONGEST_HEADER = 4096
TIME = re.compile(r"[0-9]{1,12}", re.ASCII)


class BadSignature(Exception):
    """Somebody else's, damaged or too old."""


def verify(body: bytes, *, header: str, secret: str, now: float) -> None:
    """Raise BadSignature unless one of the header's `v1` signs its time and the body with the secret.

    While a secret is being rolled Stripe signs with the old and the new one.
    """
    fields = [part.strip().partition("=") for part in header[:LONGEST_HEADER].split(",")]
    times = [value for name, _, value in fields if name == "t" and TIME.fullmatch(value)]
    if not times or abs(now - int(times[0])) > TOLERANCE_SECONDS:
        raise BadSignature("The signature's time is missing or not within five minutes.")
    signed = hmac.new(secret.encode(), f"{times[0]}.".encode() + body, hashlib.sha256).hexdigest().encode()
    given = [value.encode(errors="replace") for name, _, value in fields if name == "v1"]
    matches = [hmac.compare_digest(signed, signature) for signature in given]
    if not any(matches):
        raise BadSignature("No signature fits the body.")
