"""What the vendors with a JSON interface of their own have in common."""

from __future__ import annotations

from typing import Any

from config.lib.outbound import CallFailed, Reply
from observability.destinations.destination import Config, DestinationKind, Door, Probed
from observability.destinations.exchange import VendorRequest
from observability.trace import Trace


class JsonKind(DestinationKind):
    """A vendor whose connection is tested with a request that carries nothing, or reads something."""

    probe_statuses: frozenset[int] = frozenset()
    """Statuses beside 2xx with which the vendor says: I know you, and there was nothing in it."""

    def empty(self, config: Config) -> VendorRequest:
        """A request that tells whether address and credentials are right, and leaves nothing behind."""
        raise NotImplementedError

    def probe(self, config: Config, door: Door) -> Probed:
        return probed(self.empty(config), door, self.probe_statuses)


def probed(request: VendorRequest, door: Door, statuses: frozenset[int] = frozenset()) -> Probed:
    """What the answer to a request shows."""
    try:
        reply = door.send(request)
    except CallFailed as error:
        return Probed(is_ok=False, message=f"No answer: {error}")
    return shown_by(reply, statuses)


def shown_by(reply: Reply, statuses: frozenset[int] = frozenset()) -> Probed:
    """What a status shows."""
    if 200 <= reply.status < 300 or reply.status in statuses:
        return Probed(is_ok=True)
    return Probed(is_ok=False, message=f"The other side answered with HTTP {reply.status}.")


def described(trace: Trace) -> dict[str, Any]:
    """All metadata of a trace in one object: the caller's own, ours, and the opt-in groups; ours win."""
    return {
        **trace.custom,
        **{f"openrouter.{name}": value for name, value in trace.described.items()},
        **trace.groups,
    }


def dollars(nano: int) -> float:
    """US dollars."""
    return nano / 1e9


def last_said(trace: Trace, role: str = "user") -> str | None:
    """The text of the last message of a role; None under privacy mode or without one."""
    messages = (trace.input or {}).get("messages") or []
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == role:
            return text_of(message.get("content"))
    return None


def text_of(content: Any) -> str | None:  # as the caller wrote it
    """The text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in parts if isinstance(text, str))
