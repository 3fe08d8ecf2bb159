"""Tests of a connection as pages show them: what came of it, when, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from config.lib.declared import NotValid
from observability.dashboard.destination_forms import DestinationForm
from observability.destination_probes import TooManyTrials, probe, probe_config, send_test_trace
from observability.destinations.destination import Probed
from observability.models import Destination


@dataclass(frozen=True)
class Trial:
    """A test of the connection. `what` names it."""

    is_ok: bool
    message: str
    at: datetime
    took_ms: int
    what: str = "The connection works."


def tried_config(form: DestinationForm, organization_id: int) -> Trial | None:
    """Try what was typed and is kept nowhere; None if it is no configuration, which the form says then."""
    return _of_form(
        form, lambda: probe_config(kind=form.kind, config=form.config(), organization_id=organization_id)
    )


def tried_destination(destination: Destination, form: DestinationForm) -> Trial | None:
    """Try a destination as it would be after the change; None if that is no configuration."""
    return _of_form(form, lambda: probe(destination=destination, config=form.config()))


def tried(destination: Destination) -> Trial:
    """Try a destination as it is."""
    try:
        return _timed(lambda: probe(destination=destination))
    except NotValid as error:
        return Trial(False, str(error), timezone.now(), 0)


def sent_test_trace(destination: Destination) -> Trial:
    """Send a trace that says that it is a test."""

    def sent() -> Probed:
        _, outcome = send_test_trace(destination=destination)
        return Probed(not (outcome.retry or outcome.poisoned or outcome.split), outcome.error)

    try:
        trial = _timed(sent)
    except NotValid as error:
        return Trial(False, str(error), timezone.now(), 0)
    return Trial(trial.is_ok, trial.message, trial.at, trial.took_ms, "A test trace was taken.")


def _of_form(form: DestinationForm, try_it: Callable[[], Probed]) -> Trial | None:
    if not form.is_config_valid():
        return None
    try:
        return _timed(try_it)
    except NotValid as error:
        form.refuse(error)
        return None


def _timed(try_it: Callable[[], Probed]) -> Trial:
    begun = time.perf_counter()
    try:
        found = try_it()
    except TooManyTrials as error:
        found = Probed(is_ok=False, message=str(error))
    return Trial(found.is_ok, found.message, timezone.now(), int((time.perf_counter() - begun) * 1000))
