"""Doing a POST once: its answer is stored in the transaction that does it, and given again to whoever repeats it.

The answer may hold a new key, so it is sealed with a key derived from the raw `Idempotency-Key` and the caller's
own secret; the database has hashes of both and cannot open it. An advisory lock of the running transaction says
that a request is in flight, so nothing is left behind when its process dies. A refused request stores nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import connections
from django.utils import timezone

from accounts.models import IdempotentAnswer
from config.lib.crypto import KeyRing

LIFETIME = timedelta(hours=24)


class StillInFlight(Exception):
    """Another request with this key has not been answered yet."""


class AnotherRequest(Exception):
    """The key was used for a request with another method, address or body."""


@dataclass(frozen=True)
class Ask:
    """A POST with an Idempotency-Key: whose it is, the raw key, the caller's raw secret, what is asked."""

    organization_id: int
    caller: str
    key: str
    secret: str
    request: str

    @property
    def key_hash(self) -> str:
        """What is kept of the key; of no use to whoever does not know the caller."""
        return _digest(self.caller, self.key)

    @property
    def request_hash(self) -> str:
        """What a repetition must agree with."""
        return _digest(self.request)

    @property
    def ring(self) -> KeyRing:
        """The key that seals and opens the answer."""
        derivation = HKDF(SHA256(), 32, salt=self.secret.encode(), info=b"idempotent answer")
        return KeyRing("once", {"once": derivation.derive(self.key.encode())})

    @property
    def identity(self) -> str:
        """What ties the sealed answer to its row."""
        return f"idempotent_answer:{self.caller}:{self.key_hash}:{self.request_hash}"


@dataclass(frozen=True)
class Answer:
    """A stored answer."""

    status: int
    body: bytes


def begin(ask: Ask) -> Answer | None:
    """The answer that was given before, or None: then do it, in this transaction, and call `finish`.

    Raises StillInFlight, AnotherRequest.
    """
    _take_lock(ask)
    answers = IdempotentAnswer.objects.for_organization(ask.organization_id)
    answers.filter(created_at__lt=timezone.now() - LIFETIME).delete()
    row = answers.filter(caller=ask.caller, key_hash=ask.key_hash).first()
    if row is None:
        return None
    if row.request_hash != ask.request_hash:
        raise AnotherRequest("This Idempotency-Key was used for a different request.")
    return Answer(row.status, ask.ring.open(row.sealed_body, identity=ask.identity))


def finish(ask: Ask, answer: Answer) -> None:
    """Keep the answer for a day."""
    IdempotentAnswer.objects.create(
        organization_id=ask.organization_id,
        caller=ask.caller,
        key_hash=ask.key_hash,
        request_hash=ask.request_hash,
        status=answer.status,
        sealed_body=ask.ring.seal(answer.body, identity=ask.identity),
    )


def _take_lock(ask: Ask) -> None:
    number = int.from_bytes(bytes.fromhex(ask.key_hash)[:8], "big", signed=True)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (is_taken,) = cursor.fetchone()
    if not is_taken:
        raise StillInFlight("A request with this Idempotency-Key is still in flight.")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
