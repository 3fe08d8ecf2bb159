"""docs/broadcast-vendors.md tells of every kind what its class says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from observability.destinations import DESTINATIONS, bigquery, clickhouse, snowflake

PAGE = Path(__file__).resolve().parents[3] / "docs" / "broadcast-vendors.md"


def types_table() -> str:
    """A row for each kind."""
    rows = [
        "| type | vendor | configuration (**required**, *sealed*) | verified against |",
        "|---|---|---|---|",
    ]
    for slug, kind in sorted(DESTINATIONS.items()):
        names = ", ".join(_marked(kind, field.name) for field in kind.all_fields)
        rows.append(f"| `{slug}` | {kind.name} | {names} | {kind.verified_against} |")
    return "\n".join(rows)


def _marked(kind, name):
    marked = f"`{name}`"
    if name in kind.secrets or name == "headers":
        marked = f"*{marked}*"
    if name in kind.required:
        marked = f"**{marked}**"
    default = kind.defaults.get(name)
    return f"{marked} = {default}" if isinstance(default, str) else marked


def statements() -> str:
    """The tables' SQL with the defaults."""
    names = {"database": "traces", "projectId": "my-project"}
    given = [
        ("ClickHouse", clickhouse.table_statement, DESTINATIONS["clickhouse"].defaults),
        ("Snowflake", snowflake.table_statement, DESTINATIONS["snowflake"].defaults),
        ("BigQuery", bigquery.table_statement, DESTINATIONS["bigquery"].defaults),
    ]
    return "\n\n".join(
        f"{name}:\n\n```sql\n{statement(names | dict(defaults))};\n```" for name, statement, defaults in given
    )


@pytest.mark.parametrize(("mark", "made"), [("types", types_table), ("statements", statements)])
def test_the_page_says_what_the_classes_say(mark, made):
    text = PAGE.read_text()
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    wanted = re.sub(
        f"{re.escape(start)}.*?{re.escape(end)}", lambda _: f"{start}{made()}\n{end}", text, flags=re.DOTALL
    )
    if os.environ.get("HEADGATE_WRITE_DOCS"):
        PAGE.write_text(wanted)

    assert PAGE.read_text() == wanted
