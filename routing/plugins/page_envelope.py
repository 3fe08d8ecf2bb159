"""A page's data on its way to the worker that reads it, with what is known of it."""

from __future__ import annotations

import msgspec


class About(msgspec.Struct):
    """The content type as its server told it, and the address."""

    type: str = ""
    url: str = ""


def envelope(about: About, data: bytes) -> bytes:
    """The data with what is known of it before it."""
    return msgspec.json.encode(about) + b"\n" + data


def opened(given: bytes) -> tuple[About, bytes]:
    """What an envelope holds."""
    head, _, data = given.partition(b"\n")
    return msgspec.json.decode(head, type=About), data
