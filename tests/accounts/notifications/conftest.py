"""An installation that may reach 127.0.0.1, and somebody there to be told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.lib.environment import environment
from tests.accounts.notifications.receiver import Receiver, serve
from tests.dashboard_pages import uncollected_files, viewers

__all__ = ["uncollected_files", "viewers"]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A server that channels may lead to."""
    with serve() as started:
        monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.1/32")
        environment.cache_clear()
        yield started
    environment.cache_clear()
