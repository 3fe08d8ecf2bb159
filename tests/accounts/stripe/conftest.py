"""An installation where Stripe is set up, and a Stripe to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.lib.environment import environment
from tests.accounts.stripe.fake_stripe import KEY, SECRET, FakeStripe, serve
from tests.dashboard_pages import uncollected_files, viewers

__all__ = ["uncollected_files", "viewers"]


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    """The settings, and the server that they name."""
    with serve() as fake:
        monkeypatch.setenv("HEADGATE_STRIPE_SECRET_KEY", KEY)
        monkeypatch.setenv("HEADGATE_STRIPE_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("HEADGATE_STRIPE_URL", fake.url)
        monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.1/32")
        environment.cache_clear()
        yield fake
    environment.cache_clear()
