"""Slots: what a lower app needs from a higher one. The lower declares, the higher fills in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Slot(Generic[P, R]):
    """A named, typed list of functions that are called in the order in which they were added."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fillers: list[Callable[P, R]] = []

    def fill(self, function: Callable[P, R]) -> Callable[P, R]:
        """Add a function; adding the same one twice changes nothing."""
        if function not in self._fillers:
            self._fillers.append(function)
        return function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        """Call every function, in the caller's transaction; whatever one raises stops the change."""
        return [function(*args, **kwargs) for function in self._fillers]


class KeyedSlot(Generic[P, R]):
    """A named, typed table of functions, one per key; who asks knows the key and calls that function alone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fillers: dict[str, Callable[P, R]] = {}

    def fill(self, key: str, function: Callable[P, R]) -> None:
        """Put a function at a key. Raises ValueError when another one is there."""
        if self._fillers.setdefault(key, function) is not function:
            raise ValueError(f"{self.name}: {key!r} is taken")

    def __contains__(self, key: str) -> bool:
        return key in self._fillers

    def at(self, key: str) -> Callable[P, R]:
        """The function at a key. Raises KeyError."""
        return self._fillers[key]

    @property
    def keys(self) -> list[str]:
        """The keys that have a function, sorted."""
        return sorted(self._fillers)
