"""What stands for a vendor in lists: two letters on a tile, drawn by us, and the shelf of the gallery it is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from observability.destinations import DESTINATIONS
from observability.destinations.destination import DestinationKind


@dataclass(frozen=True)
class Mark:
    """Letters or a shape (a name that templates/observability/_mark.html draws), and the tile's colour."""

    text: str
    colour: str
    shape: str = ""


PLAIN: Final = Mark("?", "#5b6472")
MARKS: Final = {
    "arize": Mark("Az", "#8a2b6e"),
    "bigquery": Mark("BQ", "#2d62b8", "table"),
    "braintrust": Mark("Bt", "#2b3a8f"),
    "clickhouse": Mark("CH", "#8a6a00", "table"),
    "datadog": Mark("Dd", "#5f3aa5"),
    "grafana": Mark("Gf", "#b4480f"),
    "langfuse": Mark("Lf", "#b3263f"),
    "langsmith": Mark("Ls", "#1d5f58"),
    "newrelic": Mark("Nr", "#0b6b4f"),
    "opik": Mark("Op", "#7a4a1e"),
    "otel-collector": Mark("OT", "#3a4fae", "hub"),
    "posthog": Mark("Ph", "#9a4b00"),
    "raindrop": Mark("Rd", "#1f6f9c", "drop"),
    "ramp": Mark("Ra", "#56661a"),
    "s3": Mark("S3", "#3f6b23", "bucket"),
    "sentry": Mark("Se", "#4a3769"),
    "snowflake": Mark("Sf", "#17708f", "table"),
    "weave": Mark("Wv", "#94700b"),
    "webhook": Mark("Wh", "#7d2f7d", "hook"),
}
SHELVES: Final = (
    (
        "Watching and evaluating models",
        ("langfuse", "langsmith", "arize", "braintrust", "weave", "opik", "posthog", "raindrop"),
    ),
    ("Monitoring", ("datadog", "grafana", "newrelic", "sentry", "otel-collector")),
    ("Storage of your own", ("s3", "bigquery", "clickhouse", "snowflake")),
    ("Anything else", ("webhook", "ramp")),
)


@dataclass(frozen=True)
class Shelf:
    """Kinds of destinations that are looked for together."""

    title: str
    kinds: list[tuple[DestinationKind, Mark]]


def mark_of(slug: str) -> Mark:
    """What stands for a kind."""
    return MARKS.get(slug, PLAIN)


def shelves() -> list[Shelf]:
    """All kinds, those that nobody put on a shelf on the last one."""
    placed = {slug for _, slugs in SHELVES for slug in slugs}
    rest = tuple(sorted(DESTINATIONS.keys() - placed))
    last = len(SHELVES) - 1
    return [
        Shelf(
            title,
            [(DESTINATIONS[slug], mark_of(slug)) for slug in (slugs + rest if number == last else slugs)],
        )
        for number, (title, slugs) in enumerate(SHELVES)
    ]
