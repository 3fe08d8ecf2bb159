"""The statements of one ingest transaction, on a raw connection of the owner role.

Their order is the protocol's (spec: money §4): position, generations, rollups, ledger, deliveries, and purses
last, because their locks block lease calls. Values travel apart from the statements or in COPY, so that a failing
statement never writes a prompt to the server's log.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg

from observability.array_literals import moments, numbers
from observability.delivery_counts import accept
from observability.ingest_batch import Batch, make_batch
from observability.ingest_purses import settle
from observability.ingest_rollups import add_usage
from observability.ingest_rows import GENERATION_COLUMNS, classification_lines, content_line
from observability.journal_reader import Damaged, Finished, Portion, Position
from observability.journal_records import without_content
from observability.journal_segment import HEADER_BYTES

Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]

GENERATION_COPY = f"COPY generation ({', '.join(GENERATION_COLUMNS)}) FROM STDIN"
LEDGER_COPY = """COPY ledger_entry (transaction, organization_id, kind, account, amount_nano,
 process_id, batch, segment, from_offset, to_offset) FROM STDIN"""
DELIVERY_COPY = "COPY delivery (organization_id, workspace_id, destination_id, generation_id) FROM STDIN"
CONTENT_COPY = """COPY generation_content (generation_id, organization_id, workspace_id, sealed, is_logged)
 FROM STDIN"""
CLASSIFICATION_COPY = """COPY classification (classifier_id, generation_id, organization_id, workspace_id)
 FROM STDIN"""
KEY_USE_SQL = """
INSERT INTO api_key_use AS known (api_key_id, organization_id, last_used_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (api_key_id) DO UPDATE SET last_used_at = excluded.last_used_at
 WHERE known.last_used_at < excluded.last_used_at
"""
NUMBERED_USE_SQL = """
INSERT INTO secret_use AS known (api_key_id, number, organization_id, last_used_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (api_key_id, number) DO UPDATE SET last_used_at = excluded.last_used_at
 WHERE known.last_used_at < excluded.last_used_at
"""
DEAD_LETTER_SQL = """
INSERT INTO dead_letter_record (process_id, segment, byte_offset, record, error) VALUES (%s, %s, %s, %s, %s)
"""


NOBODY: frozenset[int] = frozenset()


class NewDelivery(NamedTuple):
    """One generation for one destination."""

    organization_id: int
    workspace_id: int
    destination_id: int
    generation_id: str

    @property
    def is_judged(self) -> bool:
        """Whether the destination's filter rules let it through."""
        return True


class Unjudged(NewDelivery):
    """One that was not judged, because the organization's rules take too long: it is counted as dropped."""

    __slots__ = ()

    @property
    def is_judged(self) -> bool:
        return False


class CommittedPosition(NamedTuple):
    """The row of journal_position, locked until the transaction ends."""

    position: Position
    batch: int
    is_closed: bool


Matcher: TypeAlias = Callable[[Sequence[Finished]], Iterable[NewDelivery]]
"""Says which destinations want which of the finished requests."""


def no_destinations(_finished: Sequence[Finished]) -> Iterable[NewDelivery]:
    """The matcher of an installation without destinations."""
    return ()


def lock_position(cursor: Cursor, process_id: UUID) -> CommittedPosition | None:
    """Lock the committed position, made if there was none; None while another ingester has it."""
    query = """SELECT segment, byte_offset, batch, is_closed FROM journal_position
                WHERE process_id = %s FOR UPDATE SKIP LOCKED"""
    row = cursor.execute(query, [process_id]).fetchone()
    if row is None:
        cursor.execute(
            """INSERT INTO journal_position (process_id, segment, byte_offset, batch, is_closed)
               VALUES (%s, 0, 0, 0, false) ON CONFLICT DO NOTHING""",
            [process_id],
        )
        row = cursor.execute(query, [process_id]).fetchone()
    return CommittedPosition(Position(row[0], max(row[1], HEADER_BYTES)), row[2], row[3]) if row else None


def write_portion(
    cursor: Cursor,
    process_id: UUID,
    committed: CommittedPosition,
    portion: Portion,
    *,
    matcher: Matcher = no_destinations,
    is_last: bool = False,
) -> None:
    """Book a portion and move the position behind it. `is_last`: also lock what the process has leased."""
    if portion.count or is_last:
        batch = make_batch(str(process_id), committed.batch + 1, portion.finished, portion.refusals)
        _copy(cursor, GENERATION_COPY, batch.generations)
        add_usage(cursor, batch.usage)
        _touch_keys(cursor, batch)
        _copy(cursor, LEDGER_COPY, _ledger_lines(batch, portion))
        deliveries = accept(cursor, matcher(portion.finished))
        _write_deliveries(cursor, deliveries)
        _copy(cursor, CONTENT_COPY, _content_lines(portion.finished, deliveries))
        _copy(cursor, CLASSIFICATION_COPY, _classification_lines(portion.finished))
        _write_dead_letters(cursor, process_id, portion.damaged)
        settle(cursor, process_id, batch, with_leased=is_last)
    cursor.execute(
        """UPDATE journal_position SET segment = %s, byte_offset = %s, batch = batch + 1, is_closed = %s
            WHERE process_id = %s""",
        [portion.end.segment, portion.end.offset, is_last, process_id],
    )


def _copy(cursor: Cursor, statement: str, lines: list[str]) -> None:
    if lines:
        with cursor.copy(statement) as copy:
            copy.write("".join(lines))


def _touch_keys(cursor: Cursor, batch: Batch) -> None:
    if batch.key_use:
        keys = sorted(batch.key_use)
        organizations = numbers(batch.key_use[key][1] for key in keys)
        times = moments(batch.key_use[key][0] for key in keys)
        cursor.execute(KEY_USE_SQL, [numbers(keys), organizations, times])
    if batch.secret_use:
        secrets = sorted(batch.secret_use)
        columns = [numbers(column) for column in zip(*secrets, strict=True)]
        columns.append(numbers(batch.secret_use[secret][1] for secret in secrets))
        cursor.execute(
            NUMBERED_USE_SQL, [*columns, moments(batch.secret_use[secret][0] for secret in secrets)]
        )


def _ledger_lines(batch: Batch, portion: Portion) -> list[str]:
    journal = f"{portion.start.segment}\t{portion.start.offset}\t{portion.to_offset}"
    lines = []
    for (organization, kind), nano in sorted(batch.ledger.items()):
        entry = uuid.uuid4()
        for account, amount in (("credits", -nano), ("usage", nano)):
            lines.append(
                f"{entry}\t{organization}\t{kind}\t{account}\t{amount}"
                f"\t{batch.process_id}\t{batch.number}\t{journal}\n"
            )
    return lines


def _write_deliveries(cursor: Cursor, rows: Iterable[NewDelivery]) -> None:
    _copy(cursor, DELIVERY_COPY, ["\t".join(map(str, row)) + "\n" for row in rows])


def _content_lines(finished: Sequence[Finished], deliveries: Sequence[NewDelivery]) -> list[str]:
    """What is kept of what was said: what is logged, and what a delivery or a classifier will need."""
    said = [request for request in finished if request.content is not None]
    if not said:
        return []
    told: dict[str, set[int]] = {}
    for delivery in deliveries:
        told.setdefault(str(delivery.generation_id), set()).add(delivery.destination_id)
    return [
        content_line(request.begin, content)
        for request in said
        if (content := request.content) is not None
        and (
            content.is_logged
            or told.get(request.begin.id, NOBODY) & {*content.destinations}
            or is_to_be_sorted(request)
        )
    ]


def _classification_lines(finished: Sequence[Finished]) -> list[str]:
    """What classifiers are to sort: requests that were answered, where one of them wanted what was said."""
    return [
        line
        for request in finished
        if is_to_be_sorted(request)
        for line in classification_lines(request.begin, request.content)
    ]


def is_to_be_sorted(request: Finished) -> bool:
    """Whether a classifier will look at the request."""
    content = request.content
    return content is not None and bool(content.classifiers) and request.end.status == "completed"


def _write_dead_letters(cursor: Cursor, process_id: UUID, damaged: Sequence[Damaged]) -> None:
    for letter in damaged:
        plain = letter._replace(record=without_content(letter.record))  # which has a retention of its own
        cursor.execute(DEAD_LETTER_SQL, [process_id, *plain])
