"""How a run with several processes (pytest-xdist) is divided: by files, what waits the longest first."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVE_STACKS = "tests/e2e/"
FIRST = (LIVE_STACKS, "tests/routing/gateway/", "tests/browser/")
"""What starts servers of its own and mostly waits for them; the others fill the processors meanwhile."""


def rank(item: pytest.Item) -> int:
    """The place of a test's folder in a run."""
    return next((place for place, folder in enumerate(FIRST) if item.nodeid.startswith(folder)), len(FIRST))


class ByFile(LoadScopeScheduling):
    """A file's tests share a process and so its fixtures; all tests of live stacks share one, and so a stack."""

    def schedule(self) -> None:
        """Keep to the order of the collection."""
        self.config.option.loadscopereorder = False
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return LIVE_STACKS if nodeid.startswith(LIVE_STACKS) else nodeid.partition("::")[0]
