"""Secrets of a partner's own making, which open a key beside the one that we made for it."""

from __future__ import annotations

import math
from collections import Counter

from config.lib.keys import INFERENCE_PREFIX, MANAGEMENT_PREFIX, hash_of
from workspaces.models import ApiKey

MIN_LENGTH, MAX_LENGTH = 32, 512
MIN_BITS = 96


class UnusableSecret(Exception):
    """The secret is too short, too easily guessed, of our own form, or in use already."""


def hash_of_external(secret: str) -> str:
    """What is kept of a partner's secret. Raises UnusableSecret saying what is wrong with it."""
    if not MIN_LENGTH <= len(secret) <= MAX_LENGTH or not secret.isascii() or not secret.isprintable():
        raise UnusableSecret(f"must be {MIN_LENGTH} to {MAX_LENGTH} printable ASCII characters.")
    if " " in secret or secret.startswith((INFERENCE_PREFIX, MANAGEMENT_PREFIX)):
        raise UnusableSecret("must contain no spaces and not begin like a key of ours.")
    if _bits(secret) < MIN_BITS:
        raise UnusableSecret("is too easily guessed.")
    digest = hash_of(secret)
    everybody = ApiKey.objects.unscoped(reason="a secret opens one key of all organizations")
    if everybody.filter(external_hash=digest).exists():
        raise UnusableSecret("cannot be used.")
    return digest


def _bits(secret: str) -> float:
    """The entropy of the characters as they are distributed in the text itself; repetition lowers it."""
    counts = Counter(secret).values()
    return -sum(count * math.log2(count / len(secret)) for count in counts)
