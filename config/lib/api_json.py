"""Writing JSON: amounts as exact numbers, never as floats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer

ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:  # whatever JSON can say
    """The value as JSON; a Decimal becomes a number with all of its digits."""
    return ENCODER.encode(value)


class ExactJSONRenderer(BaseRenderer):
    """The only renderer of the management API."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else encode(data)
