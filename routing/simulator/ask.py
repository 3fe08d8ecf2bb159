"""What a caller asks for, whatever the wire format it asked in."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from routing.simulator.words import count_words

Body = Mapping[str, object]
Role = Literal["system", "user", "assistant", "tool"]

MAX_OUTPUT_TOKENS = 65_536
MAX_DELAY_MS = 600_000


class RefusedError(Exception):
    """The request cannot be served; carries what the dialect's error body says."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class Target:
    """What the path says: whose provider, and for Gemini the model and whether to stream."""

    provider: str
    model: str | None = None
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: its text parts joined by line ends, the tool result it carries, and whether it calls tools."""

    role: Role
    text: str = ""
    tool_result: str | None = None
    has_calls: bool = False

    @property
    def words(self) -> int:
        return count_words(self.text) + count_words(self.tool_result or "")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call, with the JSON schema of its arguments."""

    name: str
    schema: object = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the caller wants to wait; None leaves it to the provider's own latency."""

    first_seconds: float | None = None
    chunk_seconds: float | None = None


@dataclass(frozen=True)
class Ask:
    """One request, read and checked. `model` is the name as it arrived, and is answered with."""

    model: str
    is_stream: bool
    turns: tuple[Turn, ...]
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()
    answer_schema: object = None
    """The JSON schema that the answer must satisfy; None where any text will do."""
    wants_usage_chunk: bool = False
    is_embedding: bool = False
    pace: Pace = field(default_factory=Pace)
    body: Body = field(default_factory=dict)
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def behaviour(self) -> str:
        return self.model.removeprefix("simulator/")

    @cached_property
    def prompt_tokens(self) -> int:
        return sum(turn.words for turn in self.turns)

    @property
    def user_text(self) -> str:
        """The last user message; a message that only carries a tool result is none."""
        index = self._last_user_index()
        return "" if index is None else self.turns[index].text

    @property
    def tool_results(self) -> tuple[str, ...]:
        """The tool results in or after the last user message."""
        return results_in(self.turns[self._last_user_index() or 0 :])

    def _last_user_index(self) -> int | None:
        for index in range(len(self.turns) - 1, -1, -1):
            turn = self.turns[index]
            if turn.role == "user" and (turn.text or turn.tool_result is None):
                return index
        return None


def results_in(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return the tool results that messages carry."""
    return tuple(turn.tool_result for turn in turns if turn.tool_result is not None)


def read_text(body: Body, name: str) -> str:
    """Return a required string field. Raises RefusedError."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedError(400, f"'{name}' must be a non-empty string.", param=name)
    return value


def read_flag(body: Body, name: str) -> bool:
    """Return an optional boolean field, false when absent. Raises RefusedError."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise RefusedError(400, f"'{name}' must be a boolean.", param=name)
    return bool(value)


def read_object(body: Body, name: str) -> Body:
    """Return an optional object field, empty when absent. Raises RefusedError."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(400, f"'{name}' must be an object.", param=name)
    return value


def read_objects(body: Body, name: str) -> list[Body]:
    """Return an optional list of objects, empty when absent. Raises RefusedError."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RefusedError(400, f"'{name}' must be a list of objects.", param=name)
    return value


def read_max_tokens(body: Body, *names: str) -> int | None:
    """Return the first of these limits that is set. Raises RefusedError outside 1…65,536, as providers do."""
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise RefusedError(400, f"'{name}' must be an integer.", param=name)
        if not 1 <= value <= MAX_OUTPUT_TOKENS:
            raise RefusedError(400, f"'{name}' must be between 1 and {MAX_OUTPUT_TOKENS}.", param=name)
        return value
    return None


def read_pace(body: Body) -> Pace:
    """Return the pacing in the body's field `simulator`, which gateways pass on. Raises RefusedError."""
    wishes = read_object(body, "simulator")
    return Pace(
        read_delay(wishes, "first_delay_ms", "simulator."), read_delay(wishes, "chunk_delay_ms", "simulator.")
    )


def read_delay(wishes: Body, name: str, where: str = "") -> float | None:
    """Return the seconds that an optional field of milliseconds says. Raises RefusedError."""
    value = wishes.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_DELAY_MS:
        raise RefusedError(400, f"'{where}{name}' must be between 0 and {MAX_DELAY_MS} milliseconds.")
    return value / 1000


def join_texts(parts: Sequence[object]) -> str:
    """Return the text parts of a message's content, one a line; images, audio and files are passed over."""
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
