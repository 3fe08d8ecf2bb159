"""Bring the gateway's levels up to date before they are told, and say whether it can serve."""

from __future__ import annotations

import shutil
import time
from typing import Any

from routing.catalog_snapshot import CatalogSnapshot
from routing.gateway import metrics
from routing.gateway.health import OUTAGE_SECONDS
from routing.gateway.runtime import Runtime

LEAST_ROOM_BYTES = 64 * 1024
"""With less room in its segment, and none for another, a journal will soon turn requests away."""

GRACE_SECONDS = 5.0
"""Versions may be read that much later than the database is back, on a connection of their own."""


def measure(runtime: Runtime) -> None:
    """Bring the levels up to date; from any thread."""
    now, requests = time.monotonic(), list(runtime.open_requests)
    metrics.OPEN_REQUESTS.set(len(requests))
    metrics.OPEN_STREAMS.set(sum(client.is_streamed for client in requests))
    metrics.LOOP_LAG.set(runtime.take_loop_lag())
    metrics.IS_READY.set(is_ready(runtime))
    metrics.KNOWN_POLICIES.set(len(runtime.policies))
    metrics.POLICY_AGE.set(now - max(runtime.policies.heard_at, runtime.began_at))
    _measure_money(runtime, now)
    _measure_outages(runtime)


def _measure_money(runtime: Runtime, now: float) -> None:
    journal, leases = runtime.journal, runtime.leases
    metrics.LEASE_CALLS.set(leases.calls_made)
    metrics.LEASED_PURSES.set(leases.active_purses)
    metrics.TIGHT_PURSES.set(leases.tight_purses)
    metrics.WAITING_FOR_MONEY.set(leases.waiting)
    metrics.DATABASE_SILENCE.set(now - max(leases.last_contact, runtime.began_at))
    metrics.OPEN_IN_JOURNAL.set(journal.open_count)
    metrics.JOURNAL_BYTES.set(journal.written_bytes)
    metrics.JOURNAL_UNSYNCED.set(journal.unsynced_bytes)
    metrics.JOURNAL_UNWRITTEN.set(journal.unwritten_ends)
    metrics.JOURNAL_FREE.set(_free_bytes(runtime))
    metrics.LOST_REFUSALS.set(journal.dropped_refusals)
    metrics.LOST_CONTENTS.set(journal.dropped_contents + runtime.recorder.lost)


def _measure_outages(runtime: Runtime) -> None:
    since, catalog = time.time() - OUTAGE_SECONDS, runtime.policies.catalog
    stats = list(runtime.health.stats.items())
    out = {endpoint_id for endpoint_id, one in stats if (one.last_failure_at or 0) > since}
    counts = _by_provider(catalog, out) if catalog is not None and out else {}
    for provider, count in counts.items():
        metrics.OUTAGES.set(count, provider)
    metrics.OUTAGES.forget_others({(provider,) for provider in counts})


def _by_provider(catalog: CatalogSnapshot, endpoint_ids: set[int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for model in catalog.models.values():
        for endpoint in model.endpoints:
            if endpoint.id in endpoint_ids:
                counts[endpoint.provider.slug] = counts.get(endpoint.provider.slug, 0) + 1
    private = sum(endpoint_id < 0 for endpoint_id in endpoint_ids)
    return counts | ({metrics.PRIVATE: private} if private else {})


def readiness(runtime: Runtime) -> dict[str, dict[str, Any]]:
    """What a gateway needs, each with whether it is there (`ok`) and the figure that says so."""
    now = time.monotonic()
    silence = now - max(runtime.leases.last_contact, runtime.began_at)
    age = now - max(runtime.policies.heard_at, runtime.began_at)
    free, room = _free_bytes(runtime), runtime.journal.room_bytes
    return {
        "database": {"ok": runtime.has_database, "silent_seconds": round(silence, 1)},
        "catalog": {"ok": runtime.policies.catalog is not None},
        "policies": {"ok": age <= runtime.limits.stale_seconds + GRACE_SECONDS, "age_seconds": round(age, 1)},
        "journal": {
            "ok": free >= runtime.journal.segment_bytes or room >= LEAST_ROOM_BYTES,
            "free_bytes": free,
            "room_bytes": room,
        },
    }


def is_ready(runtime: Runtime) -> bool:
    """Whether a request could be served."""
    return all(check["ok"] for check in readiness(runtime).values())


def _free_bytes(runtime: Runtime) -> int:
    return shutil.disk_usage(runtime.journal.folder).free
