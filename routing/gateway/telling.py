"""What operators are told of requests: figures for each, and log lines for those that went wrong or took long.

Nothing a caller or a provider wrote is told, only whose, which and how long. Lines of one kind are few: a flood of
failures must not become a flood of lines.
"""

from __future__ import annotations

import logging
import time

from routing.decision import Attempt
from routing.errors import Refusal
from routing.gateway import metrics
from routing.gateway.books import Opened
from routing.provider_failures import ProviderFailure

INTERVAL_SECONDS = 10.0
MOST_KINDS = 1_000

log = logging.getLogger("headgate.requests")


class Sampler:
    """Lets one line of a kind pass in so many seconds, and knows how many it kept back."""

    def __init__(self, seconds: float = INTERVAL_SECONDS) -> None:
        self._seconds = seconds
        self._kinds: dict[tuple[str, ...], tuple[float, int]] = {}

    def take(self, *kind: str) -> int | None:
        """How many lines of the kind were kept back since the last one that passed; None: keep this one back."""
        now = time.monotonic()
        passed_at, kept_back = self._kinds.get(kind, (-self._seconds, 0))
        if now - passed_at < self._seconds:
            self._kinds[kind] = (passed_at, kept_back + 1)
            return None
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        return kept_back


SAMPLER = Sampler()


def provider_of(attempt: Attempt) -> str:
    """A provider's name for figures: an organization's own endpoint is nobody's."""
    return metrics.PRIVATE if attempt.endpoint.is_private else attempt.endpoint.provider.slug


def note_failure(attempt: Attempt, failure: ProviderFailure) -> None:
    """A provider did not answer."""
    provider = provider_of(attempt)
    metrics.UPSTREAM_FAILURES.add(provider, failure.error_type)
    kept_back = SAMPLER.take("failure", provider, failure.error_type)
    if kept_back is not None:
        log.warning(
            "provider %s failed: %s (status %s); %d more like it were not logged",
            *(provider, failure.error_type, failure.provider_status or failure.status, kept_back),
        )


def note_refusal(refusal: Refusal) -> None:
    """A request was refused."""
    metrics.REFUSALS.add(refusal.rule)
    kept_back = SAMPLER.take("refusal", refusal.rule)
    if kept_back is not None:
        log.warning(
            "refused by %s (status %d); %d more like it were not logged",
            *(refusal.rule, refusal.status, kept_back),
        )


def note_answer(attempt: Attempt, seconds: float) -> None:
    """A provider answered, or began to."""
    metrics.FIRST.observe(seconds, provider_of(attempt))


def note_asked(opened: Opened, asked_at: float, slow_seconds: float) -> None:
    """The first provider was asked; times are on time.monotonic()."""
    own = asked_at - opened.began_at
    metrics.OWN.observe(own, opened.call.dialect)
    if own > slow_seconds:
        _note_slow(opened, own)


def _note_slow(opened: Opened, own: float) -> None:
    kept_back = SAMPLER.take("slow", opened.call.dialect)
    if kept_back is not None:
        log.warning(
            "%s took %.2f s before a provider was asked; %d more like it were not logged",
            *(opened.public_id, own, kept_back),
        )
