"""Fixtures for the API of destinations: a kind of them to play with, and a receiver that is let in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.lib.environment import environment
from tests.cast import Acme
from tests.management_api import Api
from tests.observability.destination_kinds import use_mailbox
from tests.observability.receiver import Receiver, receiving


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of tests/observability/destination_kinds.py."""
    use_mailbox(monkeypatch)


@pytest.fixture
def api(acme: Acme, mailbox: None) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A local server, where the operator lets users connect to."""
    monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.0/8")
    environment.cache_clear()
    with receiving() as receiver:
        yield receiver
    monkeypatch.undo()
    environment.cache_clear()
