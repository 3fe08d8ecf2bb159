"""How many traces a destination gets at once: fewer after no answer in time, more again when it is quick. Pure."""

from __future__ import annotations

from typing import Final

SLOW_SECONDS: Final = 2.0
"""A batch that takes longer makes its destination a slow one."""


def most_after(now: int | None, *, sent: int, most: int, seconds: float, is_late: bool) -> int | None:
    """The most traces of the next batch, None being `most`, all that the vendor takes; `now` is what it was.

    A batch that got no answer in time is halved. Twice as many as something that took less than SLOW_SECONDS are still
    far from any limit of time; what is slow stays as it is, so that it does not run into the limit again and again.
    """
    if is_late:
        return max(1, sent // 2)
    if now is None or sent < now or seconds > SLOW_SECONDS:
        return now
    return now * 2 if now * 2 < most else None
