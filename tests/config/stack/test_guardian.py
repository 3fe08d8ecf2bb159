"""What is left when a supervisor is killed: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.stack.folder import try_lock
from tests.config.stack.fake_parts import WAITING, WITH_CHILD, is_alive, part, stage, until

ROOT = Path(__file__).resolve().parents[3]
# Starts a part that forks, holds a lock through its guardian, and tells the ids of both processes.
SUPERVISOR = f"""
import subprocess, sys, time
from config.stack.guardian import Guardian
lock = open(sys.argv[1], "a")
import pytest

from config.stack.folder import try_lock
assert try_lock(lock.fileno())
guardian = Guardian(lock.fileno())
part = subprocess.Popen([sys.executable, "-c", {WITH_CHILD!r}], start_new_session=True, stdout=subprocess.PIPE)
guardian.watch(part.pid)
if sys.argv[2] == "forgetting":
    guardian.forget(part.pid)
print(part.pid, part.stdout.readline().decode().split()[1], flush=True)
time.sleep(600)
"""


def start_supervisor(lock: Path, manner: str) -> tuple[subprocess.Popen[str], list[int]]:
    command = [sys.executable, "-c", SUPERVISOR, str(lock), manner]
    supervisor = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    return supervisor, [int(word) for word in supervisor.stdout.readline().split()]


def kill(supervisor: subprocess.Popen[str]) -> None:
    supervisor.kill()
    supervisor.communicate()


class TestAKilledSupervisor:
    def test_leaves_no_process(self, tmp_path):
        supervisor, pids = start_supervisor(tmp_path / "lock", "watching")
        assert all(is_alive(pid) for pid in pids)

        kill(supervisor)

        until(lambda: not any(is_alive(pid) for pid in pids))

    def test_keeps_its_lock_until_everything_has_ended(self, tmp_path):
        supervisor, pids = start_supervisor(tmp_path / "lock", "watching")
        os.kill(pids[0], signal.SIGSTOP)  # SIGKILL ends a stopped process too

        kill(supervisor)

        with (tmp_path / "lock").open("a") as lock:
            until(lambda: try_lock(lock.fileno()))
        assert not any(is_alive(pid) for pid in pids)

    def test_leaves_alone_what_it_had_taken_back(self, tmp_path):
        supervisor, pids = start_supervisor(tmp_path / "lock", "forgetting")

        kill(supervisor)

        with (tmp_path / "lock").open("a") as lock:
            until(lambda: try_lock(lock.fileno()))
        assert all(is_alive(pid) for pid in pids)
        os.killpg(pids[0], signal.SIGKILL)


class TestAGuardianThatWasKilled:
    def test_lets_nothing_new_be_started_but_everything_be_stopped(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("gateway", WAITING))
            pid = play.pids["gateway"]
            play.guardian._process.kill()
            play.guardian._process.wait()

            with pytest.raises(RuntimeError, match="guarding process is gone"):
                play.supervisor.start(part("ingest", WAITING))
            play.supervisor.stop()

            assert not play.supervisor.is_running("ingest")

        assert not is_alive(pid)
