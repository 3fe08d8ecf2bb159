"""The central promise with real processes: as many requests as the limit pays for, wherever they arrive."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.workspaces.lease_world import PurseDatabase
from workspaces.local_purse import PurseSpec

ROOT = Path(__file__).parents[2]


def spend(purses: PurseDatabase, specs: list[PurseSpec], *, processes: int, seed: int) -> Counter[str]:
    """Let 200 requests of 1 nano-dollar arrive at so many processes at once."""
    workers = []
    for number in range(processes):
        task = {"url": purses.url, "specs": specs, "count": 200 // processes, "hold": 1, "cost": 1}
        command = [
            sys.executable,
            "-m",
            "tests.workspaces.lease_worker",
            json.dumps(task | {"seed": seed + number}),
        ]
        workers.append(
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("\n")
        worker.stdin.flush()
    total: Counter[str] = Counter()
    for worker in workers:
        out, _ = worker.communicate(timeout=30)
        assert worker.returncode == 0
        total.update(json.loads(out))
    return total


class TestFiftyOfTwoHundred:
    @pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
    @pytest.mark.parametrize("processes", [2, 4])
    def test_with_real_processes(self, purses, processes, strict):
        limits = [10**6, 50, 10**6, 10**5, 500, None]
        specs = [purses.purse(limit, strict=strict) for limit in limits]

        total = spend(purses, specs, processes=processes, seed=11)

        assert total == {"Admitted": 50, "Refused": 150}
        assert [purses.value(spec, "leased_nano") for spec in specs] == [50] * 6
        assert purses.unbalanced() == []
