"""The SQL of a query. Names come from the lists of `fields` and `sources`; whatever a caller sent is a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from config.lib.ids import first_uuid7
from observability.analytics.fields import OF_SETS, OPERATORS, Metric
from observability.analytics.question import DATE, Condition, Order, Question
from observability.analytics.sources import DAY, GENERATIONS, Piece, pieces_of, speed_pieces_of
from observability.ingest_usage import BUCKETS_PER_DOUBLING, LATENCY, THROUGHPUT
from observability.usage_of_generations import TOKENS_PER_SECOND, bucket_sql

SLACK: Final = timedelta(hours=1)
"""An id is made a moment before its request is admitted, by a clock that may be set in between."""
ALWAYS_SUMMED: Final = ("requests", "refused")
SPEEDS_OF_GENERATIONS: Final = {LATENCY: "latency_ms", THROUGHPUT: TOKENS_PER_SECOND}


@dataclass
class Statement:
    """A query in the making: its text has a place for each of the parameters."""

    organization_id: int
    question: Question
    parameters: list[Any] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """The columns that rows are grouped by."""
        return [*self.groups, "at"] if self.question.granularity else self.groups

    @property
    def groups(self) -> list[str]:
        """The same without the time."""
        tagging = self.question.tagging
        numbered = [f"k{place}" for place in range(len(self.question.dimensions))]
        return [*numbered, *tagging.keys] if tagging else numbered

    @property
    def using(self) -> str:
        """How relations with these keys are joined."""
        return f"USING ({', '.join(self.keys)})" if self.keys else "ON true"


def statement_of(organization_id: int, question: Question, *, now: datetime) -> tuple[str, list[Any]]:
    """The query's SQL and parameters: keys, then metrics, one row more than the limit. Raises InvalidQuery."""
    made = Statement(organization_id, question)
    percentiles = [metric for metric in question.metrics if metric.percentile]
    relations = [f"sums AS ({_sums(made, now)})"]
    if percentiles:
        relations += _speeds(made, percentiles, now)
    rows = _rows(made, bool(percentiles))
    made.parameters += [question.limit + 1]
    columns = ", ".join((*made.keys, *(f"m{place}" for place in range(len(question.metrics)))))
    order = _order(made)
    if question.group_limit is not None and made.groups:
        groups = ", ".join(made.groups)
        relations.append(f"rows AS ({rows})")
        rows = f"""SELECT * FROM (SELECT rows.*, row_number() OVER (PARTITION BY {groups} ORDER BY {order}) AS place
                     FROM rows) placed WHERE place <= %s"""  # noqa: S608
        made.parameters.insert(-1, question.group_limit)
    text = f"WITH {', '.join(relations)} SELECT {columns} FROM ({rows}) found ORDER BY {order} LIMIT %s"  # noqa: S608
    return text, made.parameters


def _sums(made: Statement, now: datetime) -> str:
    wanted = (measure for metric in made.question.metrics for measure in metric.measures)
    measures = tuple(dict.fromkeys((*ALWAYS_SUMMED, *wanted)))
    pieces = [
        _selected(made, piece, [f"({piece.source.measures[name]})::bigint AS {name}" for name in measures])
        for piece in pieces_of(made.question, measures, now=now)
    ]
    sums = [f"coalesce(sum({name}), 0)::bigint AS {name}" for name in measures]
    return _grouped(made.keys, sums, pieces)


def _speeds(made: Statement, metrics: list[Metric], now: datetime) -> list[str]:
    """Histograms of each group, and the percentiles that are asked for."""
    kinds = sorted({metric.percentile.kind for metric in metrics if metric.percentile})
    pieces = [
        _selected(made, piece, [count], by=by, extra=extra)
        for piece in speed_pieces_of(made.question, now=now)
        for by, count, extra in _histograms(piece, kinds)
    ]
    keys = [*made.keys, "kind", "bucket"]
    window = f"PARTITION BY {', '.join((*made.keys, 'kind'))}"
    middle = f"power(2, (min(bucket) FILTER (WHERE {{0}}) + 0.5)::float8 / {BUCKETS_PER_DOUBLING})"
    reached = "kind = '{0.kind}' AND upto >= total * {0.share:.2f}"
    percentiles = [
        f"{middle.format(reached.format(metric.percentile))} AS {metric.name}" for metric in metrics
    ]
    histogram = _grouped(keys, ["sum(requests)::bigint AS requests"], pieces)
    ranked = f"""SELECT *, sum(requests) OVER ({window} ORDER BY bucket) AS upto,
                        sum(requests) OVER ({window}) AS total FROM histogram"""  # noqa: S608
    speeds = _grouped(made.keys, percentiles, ["SELECT * FROM ranked"])
    return [f"histogram AS ({histogram})", f"ranked AS ({ranked})", f"speeds AS ({speeds})"]


def _histograms(piece: Piece, kinds: list[str]) -> Iterable[tuple[list[str], str, str]]:
    """What a histogram is grouped by, its count, and the condition that goes with it."""
    if piece.source is not GENERATIONS:
        named = ", ".join(f"'{kind}'" for kind in kinds)
        yield ["kind", "bucket"], "sum(requests) AS requests", f" AND kind IN ({named})"
        return
    for kind in kinds:
        value = SPEEDS_OF_GENERATIONS[kind]
        by = [f"'{kind}' AS kind", f"{bucket_sql(value)} AS bucket"]
        yield by, "count(*) AS requests", f" AND status <> 'refused' AND {value} IS NOT NULL"


def _selected(
    made: Statement, piece: Piece, sums: list[str], *, by: Sequence[str] = (), extra: str = ""
) -> str:
    """A piece's rows, summed up by the keys and by what else is named."""
    source, question = piece.source, made.question
    keys = [source.dimensions[dimension.name] for dimension in question.dimensions]
    keys += question.tagging.keys if question.tagging else ()
    table = question.tagging.relation(made.parameters) if question.tagging else source.table
    if question.granularity is not None:
        moment = (
            f"{source.moment}::timestamp" if source.unit == DAY else f"{source.moment} AT TIME ZONE 'UTC'"
        )
        keys.append(f"date_trunc('{question.granularity.name}', {moment}) AT TIME ZONE 'UTC'")
    groups = [*(f"{key} AS {name}" for key, name in zip(keys, made.keys, strict=True)), *by]
    places = ", ".join(str(place) for place in range(1, len(groups) + 1))
    where = _within(made, piece) + "".join(_condition(made, piece, one) for one in question.conditions)
    grouped = f" GROUP BY {places}" if groups else ""
    return f"SELECT {', '.join((*groups, *sums))} FROM {table} WHERE {where}{extra}{grouped}"  # noqa: S608


def _within(made: Statement, piece: Piece) -> str:
    source, start, end = piece.source, piece.start, piece.end
    made.parameters += [made.organization_id]
    if source.unit == DAY:
        made.parameters += [start.astimezone(UTC).date(), end.astimezone(UTC).date()]
    else:
        made.parameters += [start, end]
    text = f"organization_id = %s AND {source.moment} >= %s AND {source.moment} < %s{source.condition}"
    if source is GENERATIONS:  # its partitions and indexes go by the id, which begins with the time
        made.parameters += [_id_at(start - SLACK), _id_at(end + SLACK)]
        text += " AND id >= %s AND id < %s"
    return text


def _condition(made: Statement, piece: Piece, condition: Condition) -> str:
    """A filter, ready to be added to others."""
    dimension, operator = condition.dimension, OPERATORS[condition.operator]
    column, kind = piece.source.dimensions[dimension.name], "bigint" if dimension.is_number else "text"
    if condition.operator not in OF_SETS:
        made.parameters += [condition.values[0]]
        return f" AND {column} {operator} %s::{kind}"
    made.parameters += [list(condition.values)]
    text = f"{column} {operator} (%s::{kind}[])"
    if dimension.unset is None:
        return f" AND {text}"
    made.parameters += [dimension.unset]
    if condition.operator == "in":
        # The parameter is there in either case, so that their number depends on nothing else.
        return f" AND ({text} OR ({column} = %s::{kind} AND {str(condition.with_unset).lower()}))"
    return f" AND {text} AND ({column} <> %s::{kind} OR {str(condition.with_unset).lower()})"


def _grouped(keys: list[str], sums: list[str], pieces: list[str]) -> str:
    groups = f" GROUP BY {', '.join(keys)}" if keys else ""
    relation = " UNION ALL ".join(pieces)
    return f"SELECT {', '.join((*keys, *sums))} FROM ({relation}) pieces{groups}"  # noqa: S608


def _rows(made: Statement, has_speeds: bool) -> str:
    metrics = [
        f"({metric.sql or metric.name}) AS m{place}" for place, metric in enumerate(made.question.metrics)
    ]
    joined = f" LEFT JOIN speeds {made.using}" if has_speeds else ""
    about_refused = any({"refused", "guarded"} & set(metric.measures) for metric in made.question.metrics)
    kept = "requests + refused > 0" if about_refused else "requests > 0"
    where = f" WHERE {kept}" if made.keys else ""
    columns = ", ".join((*made.keys, "requests", *metrics))
    return f"SELECT {columns} FROM sums{joined}{where}"  # noqa: S608


def _order(made: Statement) -> str:
    """Ties are broken by the keys."""
    question = made.question
    order = question.order or Order(DATE if question.granularity else question.metrics[0].name, True)
    names = {dimension.name: f"k{place}" for place, dimension in enumerate(question.dimensions)}
    names |= {"request_count": "requests", DATE: "at"}
    names |= {metric.name: f"m{place}" for place, metric in enumerate(question.metrics)}
    direction = "DESC NULLS LAST" if order.is_descending else "ASC NULLS LAST"
    return ", ".join((f"{names[order.field]} {direction}", *made.keys))


def _id_at(moment: datetime) -> Any:  # a UUID
    return first_uuid7(max(0, int(moment.timestamp() * 1000)))
