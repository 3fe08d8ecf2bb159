"""The record of what the simulator served: a JSON line per event, written before its bytes are sent.

    call   call, request_id, provider, model, stream, prompt_tokens,  a request was understood;
           credential                                                a digest of what came as the key
    chunk  call, completion_tokens                                    so many tokens produced so far
    done   call, prompt_tokens, completion_tokens                     the answer is complete; its usage
    gone   call, completion_tokens                                    the client hung up before that
    cut    call, completion_tokens                                    the simulator dropped the connection
    error  call, request_id, provider, model, status, credential      an error, or garbage with status 200

Each line has `at`, microseconds since 1970. A request that was not understood has an `error` line only.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Outcome = Literal["open", "done", "gone", "cut", "error"]


class Recorder:
    """Appends events. A line that cannot be written whole raises OSError, and then nothing is served."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._file)

    def call(self, call: str, fields: Mapping[str, object]) -> None:
        self._append("call", call, json.dumps(fields)[1:-1])

    def chunk(self, call: str, completion_tokens: int) -> None:
        self._append("chunk", call, f'"completion_tokens":{completion_tokens}')

    def done(self, call: str, prompt_tokens: int, completion_tokens: int) -> None:
        self._append("done", call, f'"prompt_tokens":{prompt_tokens},"completion_tokens":{completion_tokens}')

    def gone(self, call: str, completion_tokens: int) -> None:
        self._append("gone", call, f'"completion_tokens":{completion_tokens}')

    def cut(self, call: str, completion_tokens: int) -> None:
        self._append("cut", call, f'"completion_tokens":{completion_tokens}')

    def error(self, call: str, fields: Mapping[str, object]) -> None:
        self._append("error", call, json.dumps(fields)[1:-1])

    def _append(self, event: str, call: str, fields: str) -> None:
        line = f'{{"at":{time.time_ns() // 1000},"event":"{event}","call":"{call}",{fields}}}\n'.encode()
        if os.write(self._file, line) != len(line):
            raise OSError("The simulator's record could not be written whole.")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the provider, as recorded. `completion_tokens` were produced; fewer may have arrived."""

    id: str
    request_id: str | None
    provider: str
    model: str
    is_stream: bool
    prompt_tokens: int
    completion_tokens: int
    outcome: Outcome
    status: int
    started_at: int
    ended_at: int | None
    credential: str | None = None

    @property
    def is_billable(self) -> bool:
        """Whether the provider would ask money for it: it was understood and not answered with an error."""
        return self.outcome != "error"


def read_calls(path: Path) -> dict[str, Call]:
    """Return the recorded calls by id, oldest first; "open" ones had not ended. Ignores a torn last line.

    Raises ValueError for a damaged line and FileNotFoundError where no simulator has recorded.
    """
    calls: dict[str, Call] = {}
    for line in path.read_bytes().split(b"\n")[:-1]:
        event = json.loads(line)
        known = calls.get(event["call"])
        calls[event["call"]] = _follow(known, event) if known else _begin(event)
    return calls


def _begin(event: Mapping[str, object]) -> Call:
    call = Call(
        id=str(event["call"]),
        request_id=_text(event["request_id"]),
        provider=str(event["provider"]),
        model=str(event["model"]),
        is_stream=bool(event.get("stream")),
        prompt_tokens=_count(event.get("prompt_tokens", 0)),
        completion_tokens=0,
        outcome="open",
        status=200,
        started_at=_count(event["at"]),
        ended_at=None,
        credential=_text(event.get("credential")),
    )
    return call if event["event"] == "call" else _follow(call, event)


def _follow(call: Call, event: Mapping[str, object]) -> Call:
    """Return the call after one more event."""
    tokens = _count(event.get("completion_tokens", call.completion_tokens))
    kind = event["event"]
    if kind == "chunk":
        return replace(call, completion_tokens=tokens)
    status = _count(event.get("status", call.status))
    return replace(
        call, completion_tokens=tokens, outcome=_outcome(kind), status=status, ended_at=_count(event["at"])
    )


def _outcome(kind: object) -> Outcome:
    for outcome in _ENDS:
        if kind == outcome:
            return outcome
    raise ValueError(f"The record has an event of an unknown kind: {kind!r}.")


def _count(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError(f"The record has {value!r} where a number belongs.")
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_ENDS: tuple[Outcome, ...] = ("done", "gone", "cut", "error")
