"""Fixtures for tables that are about every kind of object."""

from __future__ import annotations

import pytest

from tests.observability.destination_kinds import use_mailbox


@pytest.fixture(autouse=True)
def mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of destination that needs no vendor."""
    use_mailbox(monkeypatch)
