"""Who wants the content of a principal's requests: I/O logging, destinations, classifiers, or nobody. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from observability.sampling import (
    classifier_subject,
    destination_subject,
    is_sampled,
    logging_subject,
    session_of,
)
from routing.call import DEFAULT_REGION, Call


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
class Sorter:
    """A classifier that takes a key's requests."""

    classifier_id: int
    sampling_rate: float = 1


@dataclass(frozen=True, slots=True)
class Recording:
    """Who wants to know what is said; a policy has none where nobody does. `logging_rate` None: not logged."""

    workspace_id: int
    logging_rate: float | None = None
    listeners: tuple[Listener, ...] = ()
    sorters: tuple[Sorter, ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """Why the content of one request is kept: to be logged, or for these until they have seen it."""

    is_logged: bool
    destinations: tuple[int, ...] = ()
    classifiers: tuple[int, ...] = ()


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
    classifiers = _classifiers_of(recording.sorters, call, session) if recording.sorters else ()
    if not is_logged and not heard and not classifiers:
        return None
    return Wanted(
        is_logged,
        tuple([listener.destination_id for listener in heard if not listener.is_private]),
        classifiers,
    )


def _classifiers_of(sorters: tuple[Sorter, ...], call: Call, session: str) -> tuple[int, ...]:
    """Classifiers that take the request. None does where its caller restricts who may read it: the classifier's
    model is asked in the global region, and by the workspace's rules instead of the request's."""
    wishes = call.preferences
    if call.region != DEFAULT_REGION or wishes.zdr or wishes.data_collection == "deny":
        return ()
    return tuple(
        [
            sorter.classifier_id
            for sorter in sorters
            if is_sampled(classifier_subject(sorter.classifier_id), session, sorter.sampling_rate)
        ]
    )
