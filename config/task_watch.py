"""Watching Celery: reports of workers and beat, figures and log fields of tasks. Celery tells by signals."""

from __future__ import annotations

import logging.config
import time
from contextlib import ExitStack
from typing import Any

from celery import Celery, bootsteps, signals

from config import task_metrics
from config.lib.environment import environment
from config.lib.log_context import Fields, current
from config.lib.log_lines import logging_settings
from config.lib.reporting import REPORT_SECONDS, Reporter, beat
from config.lib.tracing import Tracing, start

WORKER, BEAT = "worker", "beat"
SENT_AT = "headgate_sent_at"

_began: dict[str, tuple[float, Any]] = {}


class Heartbeat(bootsteps.StartStopStep):  # type: ignore[misc]  # untyped
    """Says that the worker's own loop goes round: a thread of ours would be alive beside one that hangs."""

    requires = {"celery.worker.components:Timer"}

    def start(self, worker: Any) -> None:
        """Begin."""
        beat()
        worker.timer.call_repeatedly(REPORT_SECONDS, beat, priority=10)


def watch(app: Celery) -> None:
    """Listen."""
    app.steps["worker"].add(Heartbeat)
    signals.setup_logging.connect(_set_up_logging)
    for started in (signals.worker_init, signals.worker_process_init):
        started.connect(_report_worker)
    signals.beat_init.connect(_report_beat)  # for one within a worker as well
    signals.before_task_publish.connect(_note_sent)
    signals.task_prerun.connect(_begin)
    signals.task_postrun.connect(_end)


def _set_up_logging(**_: Any) -> None:
    """As Django's settings say; that somebody listens keeps Celery from setting up its own."""
    env = environment()
    logging.config.dictConfig(logging_settings(kind=env.log_format, level=env.log_level))


def _report_worker(**_: Any) -> None:
    Reporter(environment(), WORKER).start()
    tracing = start(environment(), WORKER)
    if tracing is not None:
        watch_spans(tracing)


def watch_spans(tracing: Tracing) -> None:
    """Give tasks spans, in the process that runs them."""
    spans: dict[str, ExitStack] = {}

    def begin(task_id: str, task: Any, **_: Any) -> None:
        spans[task_id] = stack = ExitStack()
        stack.enter_context(tracing.span(f"task {task.name}")).set_attribute("headgate.task_id", task_id)

    def end(task_id: str, **_: Any) -> None:
        if task_id in spans:
            spans.pop(task_id).close()

    signals.task_prerun.connect(begin, weak=False)
    signals.task_postrun.connect(end, weak=False)


def _report_beat(**_: Any) -> None:
    Reporter(environment(), BEAT).start()


def _note_sent(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers[SENT_AT] = time.time()


def _begin(task_id: str, task: Any, **_: Any) -> None:
    sent_at = getattr(task.request, SENT_AT, None)
    if isinstance(sent_at, float):
        task_metrics.WAIT.observe(max(0.0, time.time() - sent_at), task.name)
    _began[task_id] = (time.monotonic(), current.set(Fields(task_id=task_id, task=task.name)))
    task_metrics.RUNNING.add()


def _end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    if task_id not in _began:
        return
    began, token = _began.pop(task_id)
    current.reset(token)
    task_metrics.RUNNING.add(count=-1)
    task_metrics.TASKS.observe(time.monotonic() - began, task.name, (state or "unknown").lower())
