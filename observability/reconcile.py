"""The invariants of the books, to the nano-dollar (spec: money §6): each must be true at every moment.

All run on one REPEATABLE READ snapshot, so that they hold on a live system too; ingest moves everything that
belongs together in one transaction. Generations that were dropped count by their sealed totals
(observability/sealing.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from config.lib.subjects import SubjectKind
from observability.usage_checks import DAYS_SQL, PARTS_SQL

MOST_SHOWN = 20


@dataclass(frozen=True)
class Check:
    """One invariant: a query that returns its violations, and none when it holds."""

    code: str
    meaning: str
    sql: LiteralString
    is_advisory: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a check found; an advisory check never fails."""

    check: Check
    violations: list[dict[str, Any]]

    @property
    def is_ok(self) -> bool:
        """Whether the books are right in this respect."""
        return not self.violations or self.check.is_advisory


CHECKS = (
    Check(
        "R1",
        "the ledger balances, in all and in every entry",
        """SELECT transaction, min(organization_id) AS organization_id, sum(amount_nano) AS off_by_nano
             FROM ledger_entry GROUP BY transaction HAVING sum(amount_nano) <> 0
           UNION ALL
           SELECT NULL, organization_id, sum(amount_nano) FROM ledger_entry
            GROUP BY organization_id, process_id, batch, kind HAVING sum(amount_nano) <> 0""",
    ),
    Check(
        "R2",
        "each batch's ledger lines equal its generations",
        """SELECT organization_id, process_id, batch, charged.nano AS generations_nano, booked.nano AS ledger_nano
             FROM (SELECT organization_id, process_id, batch, sum(cost_nano) AS nano
                     FROM (SELECT organization_id, process_id, batch, cost_nano FROM generation
                           UNION ALL
                           SELECT organization_id, process_id, batch, cost_nano FROM sealed_batch) made
                    GROUP BY 1, 2, 3) charged
             FULL JOIN (SELECT organization_id, process_id, batch, sum(amount_nano) AS nano
                          FROM ledger_entry WHERE account = 'usage' GROUP BY 1, 2, 3) booked
            USING (organization_id, process_id, batch)
            WHERE coalesce(charged.nano, 0) <> coalesce(booked.nano, 0)""",
    ),
    Check(
        "R3",
        "hourly usage equals its generations, those that were dropped among them",
        """SELECT organization_id, workspace_id, api_key_id, member_id, model, provider, hour,
                  counted.requests AS generations, known.requests, counted.cost_nano AS generations_nano,
                  known.cost_nano
             FROM (SELECT organization_id, workspace_id, api_key_id, member_id, model, provider, hour,
                          sum(requests) AS requests, sum(refused) AS refused,
                          sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
                          sum(cost_nano) AS cost_nano, sum(byok_nano) AS byok_nano
                     FROM (SELECT organization_id, workspace_id, coalesce(api_key_id, 0) AS api_key_id,
                                  coalesce(member_id, 0) AS member_id, model, provider,
                                  date_trunc('hour', admitted_at, 'UTC') AS hour,
                                  count(*) FILTER (WHERE status <> 'refused') AS requests,
                                  coalesce(sum(refused_count) FILTER (WHERE status = 'refused'), 0) AS refused,
                                  sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
                                  sum(cost_nano) AS cost_nano, sum(byok_nano) AS byok_nano
                             FROM generation GROUP BY 1, 2, 3, 4, 5, 6, 7
                           UNION ALL
                           SELECT organization_id, workspace_id, api_key_id, member_id, model, provider, hour,
                                  requests, refused, prompt_tokens, completion_tokens, cost_nano, byok_nano
                             FROM sealed_usage) made
                    GROUP BY 1, 2, 3, 4, 5, 6, 7) counted
             FULL JOIN usage_hour known
            USING (organization_id, workspace_id, api_key_id, member_id, model, provider, hour)
            WHERE (counted.requests, counted.refused, counted.prompt_tokens, counted.completion_tokens,
                   counted.cost_nano, counted.byok_nano)
               IS DISTINCT FROM (known.requests, known.refused, known.prompt_tokens, known.completion_tokens,
                   known.cost_nano, known.byok_nano)""",
    ),
    Check(
        "R4",
        "what a purse has leased equals its leases",
        """SELECT purse.id AS purse_id, leased_nano, coalesce(held.nano, 0) AS leases_nano, purse.holders,
                  coalesce(held.holders, 0) AS leases, purse.loose, coalesce(held.loose, 0) AS loose_leases
             FROM purse LEFT JOIN (
                  SELECT purse_id, window_start, sum(granted_nano - consumed_nano) AS nano,
                         count(*) AS holders, count(*) FILTER (WHERE is_loose) AS loose
                    FROM lease GROUP BY 1, 2) held
               ON held.purse_id = purse.id AND held.window_start = purse.window_start
            WHERE leased_nano <> coalesce(held.nano, 0) OR purse.holders <> coalesce(held.holders, 0)
               OR purse.loose <> coalesce(held.loose, 0)""",
    ),
    Check(
        "R5",
        "what a purse has spent equals its subject's generations in its window",
        """SELECT purse.id AS purse_id, subject, interval, window_start, spent_nano,
                  coalesce(charged.nano, 0) AS generations_nano, byok_nano,
                  coalesce(charged.byok, 0) AS generations_byok_nano
             FROM purse LEFT JOIN (
                  SELECT id, sum(nano) AS nano, sum(byok) AS byok
                    FROM (SELECT purse.id, generation.cost_nano AS nano, generation.byok_nano AS byok
                            FROM generation
                           CROSS JOIN LATERAL (SELECT DISTINCT unnest(subjects) AS subject) counted
                            JOIN purse ON purse.subject = counted.subject AND admitted_at >= purse.window_start
                          UNION ALL
                          SELECT purse.id, sealed_spend.cost_nano, sealed_spend.byok_nano
                            FROM sealed_spend
                            JOIN purse ON purse.subject = sealed_spend.subject
                             AND day::timestamp AT TIME ZONE 'UTC' >= purse.window_start) made
                   GROUP BY 1) charged
            USING (id)
            WHERE spent_nano <> coalesce(charged.nano, 0) OR byok_nano <> coalesce(charged.byok, 0)""",
    ),
    Check(
        "R6",
        "no generation is there twice",
        "SELECT id, count(*) AS times FROM generation GROUP BY id HAVING count(*) > 1",
    ),
    Check(
        "R7",
        "every lease and every open journal belongs to a known process",
        """SELECT 'lease' AS what, process_id, purse_id FROM lease
            WHERE NOT EXISTS (SELECT FROM gateway_process WHERE id = process_id)
           UNION ALL
           SELECT 'journal', process_id, NULL FROM journal_position
            WHERE NOT is_closed AND NOT EXISTS (SELECT FROM gateway_process WHERE id = process_id)""",
    ),
    Check(
        "R7 strict",
        "no strict purse is over its limit, unless a charge exceeded its hold or the limit was lowered",
        """SELECT id AS purse_id, subject, interval, spent_nano, byok_nano, limit_nano, limit_with_byok_nano
             FROM purse WHERE is_strict
              AND (spent_nano > limit_nano OR spent_nano + byok_nano > limit_with_byok_nano)""",
        is_advisory=True,
    ),
    Check(
        "R8",
        "an organization's credits are the sum of its deposits",
        """SELECT organization_id, credit.limit_nano, coalesce(paid.nano, 0) AS deposits_nano
             FROM (SELECT organization_id, limit_nano FROM purse
                    WHERE interval = 't' AND subject = (organization_id << 3) + %(organization_kind)s) credit
             FULL JOIN (
                  SELECT organization_id, sum(amount_nano) AS nano FROM ledger_entry
                   WHERE account = 'credits' AND kind IN ('purchase', 'refund', 'adjustment', 'transfer')
                     AND process_id IS NULL AND batch IS NULL
                   GROUP BY 1) paid
            USING (organization_id)
            WHERE coalesce(credit.limit_nano, 0) <> coalesce(paid.nano, 0)""",
    ),
    Check(
        "R9",
        "each purchase has one invoice of its amount, and invoices are numbered without a gap",
        """SELECT coalesce(bought.organization_id, invoice.organization_id) AS organization_id, number, purchase,
                  bought.amount_nano AS purchase_nano, invoice.amount_nano AS invoice_nano
             FROM (SELECT organization_id, transaction AS purchase, amount_nano FROM ledger_entry
                    WHERE kind = 'purchase' AND account = 'credits') bought
             FULL JOIN invoice USING (purchase)
            WHERE bought.organization_id IS DISTINCT FROM invoice.organization_id
               OR bought.amount_nano IS DISTINCT FROM invoice.amount_nano
               OR invoice.amount_nano IS DISTINCT FROM (
                  SELECT sum((line ->> 'amount_nano')::bigint) FROM jsonb_array_elements(lines) line)
           UNION ALL
           SELECT organization_id, max(number), NULL, NULL, NULL FROM invoice
            GROUP BY organization_id HAVING max(number) <> count(*) OR min(number) <> 1""",
    ),
    Check(
        "R10",
        "no purchase is refunded beyond its amount, and every refund has one",
        """SELECT refund.organization_id, refund.refers_to AS purchase, bought.nano AS purchase_nano,
                  refund.nano AS refunds_nano
             FROM (SELECT organization_id, refers_to, -sum(amount_nano) AS nano FROM ledger_entry
                    WHERE kind = 'refund' AND account = 'credits' AND refers_to IS NOT NULL
                    GROUP BY 1, 2) refund
             LEFT JOIN (SELECT organization_id, transaction AS refers_to, amount_nano AS nano FROM ledger_entry
                    WHERE kind = 'purchase' AND account = 'credits') bought
            USING (organization_id, refers_to)
            WHERE bought.nano IS NULL OR refund.nano NOT BETWEEN 0 AND bought.nano""",
    ),
    Check(
        "R11",
        "what a transfer takes from one organization another one has got",
        """SELECT taken.organization_id, taken.transaction, taken.amount_nano
             FROM ledger_entry taken
            WHERE taken.kind = 'transfer' AND taken.account = 'credits' AND NOT EXISTS (
                  SELECT FROM ledger_entry given
                   WHERE given.transaction = taken.refers_to AND given.refers_to = taken.transaction
                     AND given.kind = 'transfer' AND given.account = 'credits'
                     AND given.organization_id <> taken.organization_id
                     AND given.amount_nano = -taken.amount_nano)""",
    ),
    Check(
        "R12",
        "a purse says the strictest of the limits that stand on it, and no limit lacks its purse",
        """WITH budget AS (SELECT * FROM guardrail WHERE limit_nano IS NOT NULL),
                key AS (SELECT * FROM api_key WHERE deleted_at IS NULL),
                place AS (SELECT * FROM workspace WHERE deleted_at IS NULL),
                seat AS (SELECT (workspace_id << 30 | owner_id) << 3 | 4 AS subject FROM key WHERE owner_id IS NOT NULL
                         UNION SELECT subject FROM purse WHERE subject & 7 = 4),
                standing (subject, interval, nano, with_byok) AS (
                  SELECT id << 3 | 2, limit_interval, limit_nano, is_byok_in_limit FROM key WHERE limit_nano IS NOT NULL
                  UNION ALL SELECT place.id << 3 | 1, interval, limit_nano, is_byok_in_budgets
                    FROM workspace_budget JOIN place ON place.id = workspace_id
                  UNION ALL SELECT key.id << 3 | 2, budget.limit_interval, budget.limit_nano, is_byok_in_budgets
                    FROM key JOIN budget ON is_default AND budget.workspace_id = key.workspace_id
                  UNION ALL SELECT subject, limit_interval, limit_nano, is_byok_in_budgets
                    FROM seat JOIN budget ON is_default AND workspace_id = subject >> 33
                  UNION ALL SELECT membership_id << 3 | 3, limit_interval, limit_nano, is_byok_in_budgets
                    FROM guardrail_member_assignment JOIN budget ON budget.id = guardrail_id
                  UNION ALL SELECT key.id << 3 | 2, budget.limit_interval, budget.limit_nano, is_byok_in_budgets
                    FROM guardrail_key_assignment JOIN budget ON budget.id = guardrail_id
                    JOIN key ON key.id = api_key_id),
                strictest AS (
                  SELECT subject, interval, min(nano) FILTER (WHERE NOT with_byok) AS nano,
                         min(nano) FILTER (WHERE with_byok) AS byok_nano FROM standing GROUP BY 1, 2),
                counted AS (
                  SELECT purse.id, subject, interval, purse.limit_nano, limit_with_byok_nano, purse.is_strict,
                         coalesce(place.is_strict, false) AS is_place_strict
                    FROM purse LEFT JOIN key ON subject = key.id << 3 | 2
                    LEFT JOIN place ON place.id = CASE subject & 7 WHEN 1 THEN subject >> 3
                                                  WHEN 2 THEN key.workspace_id WHEN 4 THEN subject >> 33 END
                   WHERE subject & 7 = 3 OR place.id IS NOT NULL)
           SELECT subject, interval, counted.id AS purse_id, counted.limit_nano, nano AS strictest_nano,
                  limit_with_byok_nano, byok_nano AS strictest_with_byok_nano, is_strict, is_place_strict
             FROM counted FULL JOIN strictest USING (subject, interval)
            WHERE counted.id IS NULL
               OR (limit_nano, limit_with_byok_nano, is_strict) IS DISTINCT FROM (nano, byok_nano, is_place_strict)""",
    ),
    Check(
        "R13",
        "daily usage equals hourly usage",
        DAYS_SQL,
    ),
    Check(
        "R14",
        "usage by model, by key, by application, by end user and by speed add up to the same days",
        PARTS_SQL,
    ),
    Check(
        "R15",
        "what waits for a destination is what was accepted and neither delivered nor given up",
        """SELECT destination_id, accepted, sent, dead, coalesce(waiting.pending, 0) AS pending
             FROM delivery_state LEFT JOIN (
                  SELECT destination_id, count(*) AS pending FROM delivery WHERE status = 'pending' GROUP BY 1) waiting
            USING (destination_id)
            WHERE accepted - sent - dead <> coalesce(waiting.pending, 0)""",
    ),
)


def reconcile(connection: psycopg.Connection[tuple[Any, ...]]) -> list[Outcome]:
    """Run every check on one snapshot of the database."""
    with snapshot(connection) as cursor:
        return [Outcome(check, _violations(cursor, check)) for check in CHECKS]


@contextmanager
def snapshot(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A cursor that sees the database as of one moment."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield cursor


def _violations(cursor: psycopg.Cursor[tuple[Any, ...]], check: Check) -> list[dict[str, Any]]:
    cursor.execute(check.sql, {"organization_kind": int(SubjectKind.ORGANIZATION)})
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(MOST_SHOWN)]
