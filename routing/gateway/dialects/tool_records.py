"""Calls of server tools that a conversation brings back: as calls and results, as the model knew them then.

Every dialect records them otherwise. What of a turn came before a call stays before it; the turn's own text, and calls
of the caller's own functions, keep their place. What is offered no more is left out: providers refuse such calls.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from routing.gateway.dialects.tool_entries import FUNCTION, PREFIX, function_of, slug_of

Message = dict[str, Any]


class Record(NamedTuple):
    """One call of a server tool and what came of it; both are JSON text."""

    id: str
    function: str
    arguments: str
    result: str

    def call(self) -> dict[str, Any]:
        """As the model called it."""
        function = {"name": self.function, "arguments": self.arguments or "{}"}
        return {"id": self.id, "type": "function", "function": function}

    def answer(self) -> Message:
        """As it was answered."""
        return {"role": "tool", "tool_call_id": self.id, "content": self.result}


def offered_function(name: str, offered: AbstractSet[str]) -> str | None:
    """The function that a record names, by its own name or its tool's; None where it is not offered."""
    function = (
        name if name.startswith(FUNCTION) else function_of(slug_of(name if ":" in name else PREFIX + name))
    )
    return function if function in offered else None
