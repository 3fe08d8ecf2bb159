"""Secrets at rest: AES-256-GCM with a key ring, the row's identity as associated data."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.lib.environment import environment

NONCE_BYTES = 12
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class SealingError(Exception):
    """A key ring that cannot be used, or a ciphertext that does not belong here."""


@dataclass(frozen=True)
class KeyRing:
    """Sealing keys by id; the first one seals, all of them open."""

    current: str
    keys: dict[str, bytes]

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read `id:base64-of-32-bytes[,id:…]`. Raises SealingError saying which entry is wrong."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
            identifier, _, encoded = entry.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except ValueError:
                key = b""
            if not KEY_ID.fullmatch(identifier) or len(key) != 32:
                raise SealingError(f"entry {number} is not an id, a colon and 32 bytes in base64")
            if identifier in keys:
                raise SealingError(f"the id {identifier!r} appears twice")
            keys[identifier] = key
        if not keys:
            raise SealingError("there is no sealing key")
        return cls(next(iter(keys)), keys)

    def seal(self, plain: bytes, *, identity: str) -> str:
        """Encrypt; `identity` names the row and column, so that a ciphertext moved elsewhere does not open."""
        nonce = os.urandom(NONCE_BYTES)
        box = AESGCM(self.keys[self.current]).encrypt(nonce, plain, identity.encode())
        return f"{self.current}.{base64.urlsafe_b64encode(nonce + box).decode()}"

    def open(self, sealed: str, *, identity: str) -> bytes:
        """Decrypt. Raises SealingError when the key is unknown or the text was moved or changed."""
        identifier, _, encoded = sealed.partition(".")
        if identifier not in self.keys:
            raise SealingError(f"the sealing key {identifier!r} is not in the key ring")
        try:
            raw = base64.urlsafe_b64decode(encoded)
            return AESGCM(self.keys[identifier]).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], identity.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise SealingError("the sealed text was changed, or belongs to another row") from error


def sealing_ring() -> KeyRing:
    """The environment's key ring. Raises SealingError."""
    return KeyRing.parse(environment().sealing_keys)
