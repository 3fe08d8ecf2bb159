"""Who wants the content of a principal's requests: I/O logging, observability destinations, or nobody. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from observability.sampling import destination_subject, is_sampled, logging_subject, session_of
from routing.call import Call


@dataclass(frozen=True, slots=True)
class Listener:
    """A destination that takes a key's requests and needs to know what they say.

    `is_private`: it is told nothing of that, but its filter rules look at it. No `regions` are all of them.
    """

    destination_id: int
    sampling_rate: float = 1
    is_private: bool = False
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Recording:
    """Who wants to know what is said; a policy has none where nobody does. `logging_rate` None: not logged."""

    workspace_id: int
    logging_rate: float | None = None
    listeners: tuple[Listener, ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """Why the content of one request is kept: to be logged, or for these destinations until they have it."""

    is_logged: bool
    destinations: tuple[int, ...] = ()


def wanted_of(recording: Recording | None, call: Call, generation_id: str) -> Wanted | None:
    """Who wants the content of a request; None: nobody, and not one byte of it is kept."""
    if recording is None:
        return None
    given, rate = call.attribution, recording.logging_rate
    session = session_of(given.session_id, given.trace, generation_id)
    is_logged = rate is not None and is_sampled(logging_subject(recording.workspace_id), session, rate)
    heard = [
        listener
        for listener in recording.listeners
        if (not listener.regions or call.region in listener.regions)
        and is_sampled(destination_subject(listener.destination_id), session, listener.sampling_rate)
    ]
    if not is_logged and not heard:
        return None
    return Wanted(
        is_logged, tuple([listener.destination_id for listener in heard if not listener.is_private])
    )
