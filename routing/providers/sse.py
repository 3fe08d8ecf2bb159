"""Splitting server-sent events out of a byte stream, wherever it was cut (WHATWG HTML §9.2.6). Bounded memory."""

from __future__ import annotations

MAX_EVENT_BYTES = 1 << 20


class EventTooLong(ValueError):
    """A single event is larger than a stream may hold in memory."""


class EventSplitter:
    """Takes bytes as they arrive and gives the data of each complete event; comments and names are passed over.

    Several data lines of one event are joined by a space and not by a line break: within JSON the two mean the
    same, and so the result can be sent on as one line.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._held = 0
        self._is_first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that are complete now. Raises EventTooLong."""
        if (
            b"\n" not in data and b"\r" not in data
        ):  # nothing can end here: do not copy what is held again and again
            self._hold(data)
            return []
        text = b"".join((*self._pieces, data)) if self._pieces else data
        if self._is_first:
            text, self._is_first = text.removeprefix(b"\xef\xbb\xbf"), False
        tail = b""
        if b"\r" in text:
            if text.endswith(b"\r"):  # its line feed may still come
                text, tail = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *events, rest = text.split(b"\n\n")
        self._pieces, self._held = [], 0
        self._hold(rest + tail)
        return [
            found for event in events if (found := _data_of(event)) is not None and self._is_bounded(found)
        ]

    def end(self) -> list[bytes]:
        """The data of what is left when the connection ends; many servers leave out the last blank line."""
        left = b"".join(self._pieces).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._pieces, self._held = [], 0
        found = _data_of(left)
        return [] if found is None else [found]

    def _hold(self, data: bytes) -> None:
        self._held += len(data)
        if self._held > self._limit:
            raise EventTooLong(f"an event is longer than {self._limit} bytes")
        if data:
            self._pieces.append(data)

    def _is_bounded(self, data: bytes) -> bool:
        if len(data) > self._limit:
            raise EventTooLong(f"an event is longer than {self._limit} bytes")
        return True


def _data_of(event: bytes) -> bytes | None:
    """The joined data lines of one event, or None when it has none."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b" ".join(lines) if lines else None
