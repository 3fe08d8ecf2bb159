"""Orders what is done in the background with a destination's past: replays, discards, back-fills."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.revisions import Actor
from observability.models import DeliveryJob, Destination

log = logging.getLogger(__name__)

MOST_IDS: Final = 1_000
MOST_UNFINISHED: Final = 5
LONGEST_BACKFILL: Final = timedelta(days=31)
LONGEST_WINDOW: Final = timedelta(days=366)


class NotOrderable(Exception):
    """The order cannot be taken as it stands."""


class TooManyOrders(Exception):
    """So many are not done yet that another has to wait."""


def order(
    *,
    destination: Destination,
    kind: str,
    since: datetime | None = None,
    until: datetime | None = None,
    generation_ids: Sequence[UUID] | None = None,
    by: Actor,
    start: Callable[[int], None],
) -> DeliveryJob:
    """Write an order down and have it begun after the commit. Raises NotOrderable, TooManyOrders.

    Without `until` it is about everything up to now, without `since` about as long before that as is allowed; ids
    narrow it further. `start` gets the order's id.
    """
    longest = LONGEST_BACKFILL if kind == DeliveryJob.BACKFILL else LONGEST_WINDOW
    end = min(until or timezone.now(), timezone.now())
    begin = since or end - longest
    if begin >= end:
        raise NotOrderable("until: must be later than since, and since in the past.")
    if end - begin > longest:
        raise NotOrderable(f"since: must be at most {longest.days} days before until.")
    if kind == DeliveryJob.BACKFILL and since is None:
        raise NotOrderable("since: is required.")
    jobs = DeliveryJob.objects.for_workspace(destination.workspace_id).filter(destination=destination)
    if jobs.filter(finished_at=None).count() >= MOST_UNFINISHED:
        raise TooManyOrders("Too many orders for this destination are not done yet.")
    job = DeliveryJob(
        organization_id=destination.organization_id,
        workspace_id=destination.workspace_id,
        destination=destination,
        kind=kind,
        since=begin,
        until=end,
        generation_ids=None if generation_ids is None else [str(each) for each in generation_ids],
        created_by=by.user,
    )
    job.save(force_insert=True)
    transaction.on_commit(partial(start, job.pk))
    return job
