"""Making and reading API keys: 256 random bits, shown once, found by their SHA-256 alone."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

INFERENCE_PREFIX = "sk-hg-v1-"
MANAGEMENT_PREFIX = "sk-hg-mgmt-v1-"


@dataclass(frozen=True)
class NewKey:
    """A secret that is shown once, its public hash and its label (`sk-hg-v1-0e6...1c9`)."""

    secret: str
    hash: str
    label: str


def hash_of(secret: str) -> str:
    """The public hash of a key: lower-case hex SHA-256 of all of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(prefix: str) -> NewKey:
    """A fresh key with the given prefix and 64 hex digits."""
    digits = secrets.token_hex(32)
    secret = prefix + digits
    return NewKey(secret, hash_of(secret), f"{prefix}{digits[:3]}...{digits[-3:]}")
