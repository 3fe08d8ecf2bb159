"""How credentials are written into a header."""

from __future__ import annotations

import base64


def basic(name: str, secret: str) -> str:
    """HTTP Basic (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def bearer(secret: str) -> str:
    """A bearer token (RFC 6750)."""
    return f"Bearer {secret}"
