"""What the journal costs a request: `python -m benchmarks.journal [requests]`.

Measures begin + fence + end as the gateway does them, with the sync thread running, and the parts apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from config.lib.ids import uuid7
from observability.journal import Journal
from observability.journal_records import Begin, End, Hold, encode_line

ROUNDS = 5
HOLDS = tuple(Hold(1_000_000 + number, 946_684_800_000_000, 123_456) for number in range(6))
CONTEXT = {"dialect": "chat", "is_streamed": True, "app_title": "benchmark", "provider": "simulator"}


def begin(identifier: str) -> Begin:
    """A request with six purses."""
    subjects = (8, 17, 34, 51, 68, 85)
    return Begin(identifier, time.time_ns() // 1000, 1, 2, 3, 4, subjects, HOLDS, "simulator/echo", CONTEXT)


def end(identifier: str) -> End:
    """Its end."""
    return End(
        identifier,
        12_345,
        0,
        "completed",
        finish_reason="stop",
        http_status=200,
        prompt_tokens=1200,
        completion_tokens=300,
        latency_ms=312,
        generation_ms=2100,
        upstream_id="chatcmpl-123456789",
    )


def best(count: int, work: Callable[[int], object]) -> tuple[float, float]:
    """Wall and process time of one call in µs, of the best round."""
    rounds = []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        for number in range(count):
            work(number)
        rounds.append(((time.perf_counter() - wall) / count * 1e6, (time.process_time() - cpu) / count * 1e6))
    return min(rounds)


def report(name: str, count: int, work: Callable[[int], object]) -> None:
    """Print one line."""
    wall, cpu = best(count, work)
    print(f"{name:<36} {wall:6.2f} µs wall {cpu:6.2f} µs cpu")


def main(count: int) -> None:
    """Print the table."""
    one = str(uuid7())
    sizes = f"begin {len(encode_line(begin(one)))} bytes, end {len(encode_line(end(one)))} bytes"
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder), uuid.uuid4())
        journal.start_syncing()
        records = [
            (begin(identifier), end(identifier)) for identifier in (str(uuid7()) for _ in range(count))
        ]

        def request(number: int) -> None:
            started, finished = records[number]
            journal.begin(started)
            journal.fence.is_set()
            journal.end(finished)

        report("begin + fence + end", count, request)
        report("fence", count, lambda _: journal.fence.is_set())
        report("encode a begin", count, lambda number: encode_line(records[number][0]))
        report("encode an end", count, lambda number: encode_line(records[number][1]))
        print(f"{sizes}; {journal._segment.number + 1} segments")
        journal.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
