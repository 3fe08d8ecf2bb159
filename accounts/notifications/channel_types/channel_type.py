"""What the types of channels have in common: a slug, what can be set, which of it is secret, and one verb: send."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from accounts.notifications.messages import Message
from config.lib.declared import Field, Text
from config.lib.environment import environment
from config.lib.outbound import CallFailed, ForbiddenAddress, OutboundRules, Reply, post

SECONDS = 10.0
MOST_BYTES = 1 << 16
LONGEST_WAIT = 6 * 3600
TEMPORARY = frozenset({408, 409, 425, 429})


class Unreachable(Exception):
    """The message did not arrive, and may if it is sent again, not before so many seconds."""

    def __init__(self, reason: str, wait_seconds: int = 0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Refused(Exception):
    """The other side does not want the message. `is_for_good`: nor any other, ever."""

    def __init__(self, reason: str, *, is_for_good: bool = False) -> None:
        super().__init__(reason)
        self.is_for_good = is_for_good


class ChannelType(ABC):
    """A way to tell people or programs. Adding one is a file and a line in this package's list."""

    slug: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    secrets: ClassVar[frozenset[str]] = frozenset()
    """The fields that are sealed and never shown again."""
    required: ClassVar[frozenset[str]] = frozenset()

    def complete(self, config: dict[str, Any], changed: frozenset[str]) -> dict[str, Any]:
        """The configuration with what follows from it; `changed` names what was just set. Raises NotValid."""
        return config

    @abstractmethod
    def hint(self, name: str, value: str) -> str:
        """How a secret is shown."""

    @abstractmethod
    def send(self, message: Message, config: Mapping[str, Any]) -> None:
        """Send it. Raises Unreachable, Refused."""


def outbound_rules() -> OutboundRules:
    """Where channels may lead."""
    return OutboundRules.parse(environment().outbound_allow)


class Address(Text):
    """An http or https address that may be connected to."""

    def read(self, value: Any) -> str:  # JSON of any kind
        text = super().read(value)
        if not text.isascii() or not text.isprintable() or " " in text:
            raise self.refused("must be an address of printable ASCII characters.")
        try:
            urlsplit(text).port  # noqa: B018  # a port that is none raises
            outbound_rules().check_url(text)
        except ForbiddenAddress as error:
            raise self.refused(f"{error}.") from None
        except ValueError:
            raise self.refused("is no address.") from None
        return text


def send_to(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post a body, and read the status as what became of it; nothing else of the answer is told to anybody.

    Raises Unreachable, Refused.
    """
    try:
        reply = post(
            url, body, headers=headers, rules=outbound_rules(), seconds=SECONDS, most_bytes=MOST_BYTES
        )
    except CallFailed:
        raise Unreachable("No answer came.") from None
    if 200 <= reply.status < 300:
        return
    said = f"The receiver answered {reply.status}."
    if reply.status in TEMPORARY or reply.status >= 500:
        raise Unreachable(said, _wait_of(reply))
    raise Refused(said, is_for_good=reply.status == 410)


def _wait_of(reply: Reply) -> int:
    text = reply.headers.get("retry-after", "")
    return min(int(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else 0
