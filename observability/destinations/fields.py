"""Kinds of values that destinations' configurations are made of, beside those of config.lib.declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from config.lib.declared import Field

MOST_HEADERS: Final = 50
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,4000}", re.ASCII)
FORBIDDEN_HEADERS: Final = frozenset(
    {
        *(
            "host",
            "content-length",
            "content-encoding",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "te",
        ),
        *("trailer", "upgrade", "proxy-authorization", "proxy-connection", "expect"),
    }
)
"""What belongs to one hop, or would make the request say something else than its body."""


@dataclass(frozen=True, kw_only=True)
class Address(Field):
    """An http or https URL without user and password; where it leads is checked when it is connected to."""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uri", "maxLength": 2000}

    def read(self, value: Any) -> str:  # JSON of any kind
        if not isinstance(value, str) or len(value) > 2000 or re.search(r"[\x00-\x20\x7f-\U0010ffff]", value):
            raise self.refused("must be a URL of at most 2000 characters.")
        try:
            parts = urlsplit(value)
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable or "@" in parts.netloc or parts.fragment:
            raise self.refused("must be an http or https URL without user, password and fragment.")
        return value


@dataclass(frozen=True, kw_only=True)
class Headers(Field):
    """HTTP headers by name, sent with each request."""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": MOST_HEADERS}

    def read(self, value: Any) -> dict[str, str]:  # JSON of any kind
        if not isinstance(value, Mapping) or len(value) > MOST_HEADERS:
            raise self.refused(f"must be an object of at most {MOST_HEADERS} strings.")
        for name, text in value.items():
            if not HEADER_NAME.fullmatch(name) or name.lower() in FORBIDDEN_HEADERS:
                raise self.refused(f"{name[:100]!r} is no header that can be set.")
            if not isinstance(text, str) or not HEADER_VALUE.fullmatch(text):
                raise self.refused(f"{name} must be a line of at most 4000 printable characters.")
        return dict(value)


HEADERS: Final = Headers(
    name="headers", help="Custom HTTP headers, sent with each request; they win over ours."
)


def with_headers(config: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request, the administrator's last; names are compared without regard to case."""
    custom: dict[str, str] = config.get("headers") or {}
    overruled = {name.lower() for name in custom}
    return {name: text for name, text in headers.items() if name.lower() not in overruled} | custom
