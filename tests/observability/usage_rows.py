"""Requests as ingest books them, for tests of what reads the rollups: within the test's own transaction."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import connections

from config.lib.ids import generation_id, uuid7
from config.lib.scoping import unscoped
from observability.ingest_batch import make_batch
from observability.ingest_rollups import add_usage
from observability.ingest_writes import GENERATION_COPY
from observability.journal_reader import Finished
from observability.journal_records import Begin, Refusal
from tests.observability.books import ended, microseconds
from workspaces.models import ApiKey


def begin_of(key: ApiKey, at: datetime, model: str, context: dict[str, Any]) -> Begin:
    """The beginning of a request of a key."""
    return Begin(
        id=str(uuid7(int(at.timestamp() * 1000))),
        admitted_at=microseconds(at),
        organization_id=key.organization_id,
        workspace_id=key.workspace_id,
        api_key_id=key.pk,
        member_id=key.owner_id,
        subjects=(),
        holds=(),
        model=model,
        context={"dialect": "chat", "provider": "simulator"} | context,
    )


def book(key: ApiKey, at: datetime, *, model: str = "simulator/echo", context: Any = None, **end: Any) -> str:
    """A finished request of a key; its public id."""
    begin = begin_of(key, at, model, context or {})
    _write([Finished(begin, (), ended(begin, **end))], [])
    return generation_id(uuid.UUID(begin.id))


def refuse(key: ApiKey, at: datetime, *, model: str = "simulator/echo", count: int = 1) -> None:
    """A request of a key that was refused."""
    begin = begin_of(key, at, model, {})
    about = (begin.id, begin.admitted_at, begin.organization_id, begin.workspace_id, key.pk, key.owner_id)
    _write([], [Refusal(*about, model, "payment_required", 402, count)])


def _write(finished: list[Finished], refusals: list[Refusal]) -> None:
    batch = make_batch(str(uuid.uuid4()), 1, finished, refusals)
    with (
        unscoped(reason="ingest books for everybody", using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        with cursor.copy(GENERATION_COPY) as copy:
            copy.write("".join(batch.generations))
        add_usage(cursor, batch.usage)
