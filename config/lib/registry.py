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
