"""What happens to the parts of a stack."""

from __future__ import annotations

import os
import signal
import time

import pytest

from config.stack.supervisor import PartFailedError
from tests.config.stack.fake_parts import FAILING, STUBBORN, WAITING, WITH_CHILD, is_alive, part, stage, until


class TestAPartThatEnds:
    def test_is_started_again(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("gateway", WAITING))

            first = play.kill("gateway", signal.SIGKILL)
            play.run_until(lambda: play.pids.get("gateway", first) != first)

            assert is_alive(play.pids["gateway"])

    def test_is_started_again_even_if_it_ended_well(self, tmp_path):
        with stage(tmp_path, crash_limit=100) as play:
            play.supervisor.start(part("gateway", "print('bye')"))
            first = play.pids["gateway"]

            play.run_until(lambda: play.pids.get("gateway", first) != first)

    def test_stops_everything_with_its_reason_when_it_keeps_ending(self, tmp_path):
        with stage(tmp_path, crash_limit=3) as play:
            play.supervisor.start(part("worker", FAILING))

            with pytest.raises(PartFailedError) as failure:
                play.run_until(lambda: False)

        assert "worker ended with status 3 (3 times within a minute)" in str(failure.value)
        assert "no room in the inn" in str(failure.value)

    def test_takes_its_children_along(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("worker", WITH_CHILD))
            play.run_until(lambda: play.said("worker"))
            child = int(play.said("worker")[0].split()[1])
            assert is_alive(child)

            play.kill("worker", signal.SIGKILL)

            play.run_until(lambda: not is_alive(child))

    def test_does_not_disturb_the_others(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("gateway", WAITING))
            play.supervisor.start(part("ingest", WAITING))
            ingest = play.pids["ingest"]

            first = play.kill("gateway", signal.SIGKILL)
            play.run_until(lambda: play.pids.get("gateway", first) != first)

            assert play.pids["ingest"] == ingest

    def test_stays_down_while_it_is_held_and_that_is_no_crash(self, tmp_path):
        with stage(tmp_path, crash_limit=1) as play:
            play.supervisor.start(part("postgres", WAITING))

            play.held.add("postgres")
            play.kill("postgres", signal.SIGKILL)
            play.run_until(lambda: "postgres" not in play.pids)
            for _ in range(5):
                play.supervisor.tick(0.02)
            assert not play.supervisor.is_running("postgres")
            play.held.clear()

            play.run_until(lambda: play.supervisor.is_running("postgres"))


class TestStopping:
    def test_leaves_no_process(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("gateway", WAITING))
            play.supervisor.start(part("worker", WITH_CHILD))
            play.run_until(lambda: play.said("worker"))
            pids = [*play.pids.values(), int(play.said("worker")[0].split()[1])]

            play.supervisor.stop()

            until(lambda: not any(is_alive(pid) for pid in pids))

    def test_kills_what_will_not_go(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("gateway", STUBBORN, stop_seconds=0.3))
            play.run_until(lambda: play.said("gateway"))
            pid = play.pids["gateway"]

            play.supervisor.stop()

            assert not is_alive(pid)

    def test_does_not_wait_when_it_is_asked_twice(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.start(part("gateway", STUBBORN, stop_seconds=60))
            play.run_until(lambda: play.said("gateway"))
            pid = play.pids["gateway"]
            play.supervisor.ask_to_stop()
            play.supervisor.ask_to_stop()
            began = time.monotonic()

            play.supervisor.stop()

            assert not is_alive(pid)
            assert time.monotonic() - began < 5

    def test_goes_stage_by_stage(self, tmp_path):
        journal = tmp_path / "order"
        leaving = f"""
import signal, sys, time
def leave(*_):
    open({str(journal)!r}, "a").write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("here", flush=True)
time.sleep(600)
"""
        with stage(tmp_path) as play:
            for stage_number, name in enumerate(["gateway", "ingest", "postgres"]):
                fake = part(name, leaving, stop_stage=stage_number)
                fake.command.append(name)
                play.supervisor.start(fake)
            play.run_until(lambda: all(play.said(name) for name in ("gateway", "ingest", "postgres")))

            play.supervisor.stop()

        assert journal.read_text().split() == ["gateway", "ingest", "postgres"]


class TestAPartThatRunsOnce:
    def test_may_end(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.run_to_end(part("prepare", "print('done')"))

            assert play.said("prepare") == ["done"]

    def test_raises_when_it_fails(self, tmp_path):
        with stage(tmp_path) as play, pytest.raises(PartFailedError, match="no room in the inn"):
            play.supervisor.run_to_end(part("prepare", FAILING))

    def test_is_ended_when_somebody_asks_to_stop(self, tmp_path):
        with stage(tmp_path) as play:
            asking = f"import os, signal, time\nos.kill({os.getpid()}, signal.SIGUSR1)\ntime.sleep(600)"
            before = signal.signal(signal.SIGUSR1, play.supervisor.ask_to_stop)

            play.supervisor.run_to_end(part("prepare", asking))

            signal.signal(signal.SIGUSR1, before)


class TestOutput:
    def test_goes_to_the_terminal_under_the_parts_name(self, tmp_path, capfdbinary):
        with stage(tmp_path) as play:
            play.supervisor.run_to_end(part("gateway", "print('one'); print('two', end='')"))

        assert capfdbinary.readouterr().out == b"gateway    | one\ngateway    | two\n"

    def test_is_kept_in_the_parts_log_from_one_run_to_the_next(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.run_to_end(part("gateway", "print('one')"))
            play.supervisor.run_to_end(part("gateway", "print('two')"))

        assert (tmp_path / "gateway.log").read_text() == "one\ntwo\n"

    def test_without_an_end_of_line_is_passed_on_all_the_same(self, tmp_path):
        with stage(tmp_path) as play:
            play.supervisor.run_to_end(part("gateway", "print('x' * 200_000, end='')"))

        assert (tmp_path / "gateway.log").read_text().replace("\n", "") == "x" * 200_000

    def test_starts_a_new_log_when_the_old_one_is_long(self, tmp_path):
        (tmp_path / "gateway.log").write_bytes(b"x" * (10 * 1024 * 1024 + 1))

        with stage(tmp_path) as play:
            play.supervisor.run_to_end(part("gateway", "print('one')"))

        assert (tmp_path / "gateway.log").read_text() == "one\n"
        assert (tmp_path / "gateway.log.1").stat().st_size > 10 * 1024 * 1024
