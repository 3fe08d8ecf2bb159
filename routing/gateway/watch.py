"""End a request's wait from outside: the client left, a provider is silent, the process stops.

A request runs in one task. Whoever wants it to stop waiting names the reason and cancels the task; the request
takes the cancellation back and goes on knowing why. That costs a request nothing: no timer and no second task.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from types import TracebackType
from typing import Self


class Reason(Enum):
    """Why a wait was ended."""

    GONE = "the client is gone"
    STOPPING = "the process is stopping"
    LATE = "the provider took too long"


class Interrupted(Exception):
    """A wait was ended; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Watch:
    """What may interrupt one request. `GONE` and `STOPPING` are final, `LATE` concerns the wait at hand."""

    __slots__ = ("_is_interrupted", "_task", "expires_at", "is_over", "reason")

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.reason: Reason | None = None
        self.expires_at: float | None = None
        self.is_over = False
        self._task = task
        self._is_interrupted = False

    def interrupt(self, reason: Reason) -> None:
        """End the wait at hand, or the next one; a request that is over or ending already is left alone."""
        if self.is_over or self.reason not in (None, Reason.LATE):  # what is final outdoes what is not
            return
        self.reason = reason
        if not self._is_interrupted:
            self._is_interrupted = True
            self._task.cancel()

    def interrupt_if_late(self, now: float) -> None:
        """End the wait at hand if its time is up."""
        if self.expires_at is not None and now > self.expires_at and not self.is_over:
            self.interrupt(Reason.LATE)

    def take_back(self) -> Reason | None:
        """Answer for a CancelledError: why it was sent, or None when it is not ours and must be passed on."""
        if not self._is_interrupted:
            return None
        self._is_interrupted = False
        self._task.uncancel()
        reason = self.reason
        if reason is Reason.LATE:
            self.reason = None
        return reason

    def within(self, seconds: float) -> Self:
        """A block in which each wait may be interrupted, and that as a whole may take so many seconds."""
        self.expires_at = time.monotonic() + seconds
        return self

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Turn a cancellation of ours into Interrupted."""
        self.expires_at = None
        if kind is asyncio.CancelledError:
            reason = self.take_back()
            if reason is not None:
                raise Interrupted(reason) from None
