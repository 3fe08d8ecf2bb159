"""One stack for all drills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.harness import Drill


@pytest.fixture(scope="session")
def running() -> Iterator[Drill]:
    """The stack; every test leaves it as it was."""
    # Not above: this file may be read before the plugin that it would import has been registered.
    from tests.faults.harness import running_drill

    with running_drill() as drill:
        yield drill


@pytest.fixture
def drill(running: Drill) -> Drill:
    """The stack at the beginning of a test."""
    running.begin()
    return running
