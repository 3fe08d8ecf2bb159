"""Each process reports itself: a thread writes what it counts every few seconds, and serves it where that is wanted."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable

from config.lib.environment import Environment
from config.lib.metrics import HEARTBEAT, exposition
from config.lib.metrics_folder import MetricsFolder
from config.lib.metrics_server import MetricsServer, address_of

REPORT_SECONDS = 5.0

log = logging.getLogger(__name__)


def metrics_folder(env: Environment) -> MetricsFolder:
    """Where the processes of this host leave what they count."""
    return MetricsFolder(env.data_dir / "processes")


def beat() -> None:
    """Say that the main loop went round."""
    HEARTBEAT.set(time.time())


class Reporter:
    """Reports this process; `measure` brings levels up to date before each report."""

    def __init__(self, env: Environment, role: str, measure: Callable[[], None] = lambda: None) -> None:
        self._role, self._measure = role, measure
        self._folder = metrics_folder(env)
        self._address = address_of(env.metrics_listen) if env.metrics_listen else None
        self._token = env.metrics_token
        self._server: MetricsServer | None = None
        self._is_ending = threading.Event()
        self._lock = threading.Lock()
        self._is_failing = False

    def start(self) -> Reporter:
        """Begin; a process that cannot report goes on all the same."""
        threading.Thread(target=self._run, name="reporting", daemon=True).start()
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Leave no word behind."""
        self._is_ending.set()
        with self._lock:
            self._folder.leave(self._role)

    def told(self) -> str:
        """What all processes of this host count; this one as of now."""
        self._report()
        return self._folder.told()

    def _run(self) -> None:
        while True:
            self._report()
            if self._server is None and self._address is not None:
                self._listen(self._address)
            if self._is_ending.wait(REPORT_SECONDS):
                return

    def _report(self) -> None:
        with self._lock:
            if self._is_ending.is_set():
                return
            try:
                self._measure()
                self._folder.write(self._role, exposition())
                self._is_failing = False
            except Exception:  # whatever it is, the process has better things to do than to report
                if not self._is_failing:
                    log.exception("metrics cannot be reported")
                self._is_failing = True

    def _listen(self, address: tuple[str, int]) -> None:
        try:
            self._server = MetricsServer(address, self.told, self._token)
        except OSError as error:
            if not self._is_failing:
                log.warning("metrics cannot be served: %s", error)
            return
        self._server.start()
