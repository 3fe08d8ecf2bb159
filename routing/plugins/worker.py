"""The process that does heavy work: `python -m routing.plugins.worker`, one task after the other on stdin and stdout.

A message is its length (four bytes) and JSON after it; data follows a task as it is. It ends with its stdin.
"""

from __future__ import annotations

import resource
import signal
import struct
import sys
from typing import BinaryIO

import msgspec

MOST_MEMORY = 1 << 30
MOST_SECONDS = 60
LENGTH = struct.Struct("!I")


def main() -> None:
    """Work until nobody asks any more."""
    _bound_memory()
    from routing.plugins.heavy_work import CannotRead  # under the bounds, too
    from routing.plugins.tasks import TASKS

    given, taken = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    while (name := read_message(given)) is not None:
        data = read_message(given)
        if data is None:
            return
        signal.alarm(MOST_SECONDS)  # for a gateway that has died meanwhile
        try:
            answer = {"result": TASKS[name.decode()](data)}
        except CannotRead as error:
            answer = {"fault": str(error)}
        except (MemoryError, RecursionError):
            answer = {"fault": "it needs too much memory"}
        signal.alarm(0)
        encoded = msgspec.json.encode(answer)
        taken.write(LENGTH.pack(len(encoded)) + encoded)
        taken.flush()


def read_message(stream: BinaryIO) -> bytes | None:
    """The next message; None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    data = stream.read(size)
    return data if len(data) == size else None


def _bound_memory() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    except (OSError, ValueError):  # a system without it bounds the container
        return


if __name__ == "__main__":
    main()
