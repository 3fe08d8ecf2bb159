"""How long the pages of activity, logs and analytics take as generations pile up.

`python -m benchmarks.analytics [generations …]`, by default 100000 and 10000000: each number is loaded into a private
PostgreSQL of its own, spread over thirty days and fifty organizations of which one makes six in ten requests; then
the scenarios of benchmarks.analytics_scenarios are timed there. Ten million take 12 GB under /tmp, freed at the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from config.stack.folder import new_secrets
from config.stack.guardian import Guardian
from observability.ingest_usage import MEASURES
from observability.partitions import ensure_partitions
from observability.usage_of_generations import MEASURES_OF_GENERATIONS
from observability.usage_upkeep import rebuild_day
from tests.migrated_cluster import migrate

DAYS = 30
SIZES = (100_000, 10_000_000)
MOST_TIMES_SLOWER = 3
CHILD = "import django; django.setup(); from benchmarks.analytics_scenarios import main; main()"
Connection = psycopg.Connection[tuple[Any, ...]]

# Organization 1 has 500 keys of 100 members in ten workspaces; 49 others have 20 keys each. Models, applications and
# end users are of all sizes: the square and the fourth power of an even chance. One in a hundred thousand is rare.
LOAD_SQL = """
INSERT INTO generation (
  id, admitted_at, organization_id, workspace_id, api_key_id, member_id, subjects, process_id, batch, model, provider,
  endpoint_id, dialect, is_streamed, status, finish_reason, error_type, http_status, prompt_tokens, completion_tokens,
  reasoning_tokens, cached_tokens, cost_nano, byok_nano, is_byok, latency_ms, generation_ms, app_title, "user", detail)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(noise, 1, 3) || '8'
        || substr(noise, 4, 15))::uuid,
       at, organization, organization * 100 + key %% 10, organization * 1000 + key, organization * 1000 + key %% 100,
       '{}', '00000000-0000-0000-0000-000000000000', 1, 'maker-' || model %% 6 || '/model-' || model,
       'provider-' || (model + place) %% 5, model * 3 + place, 'chat', true,
       CASE WHEN dice < 0.01 THEN 'refused' WHEN dice < 0.03 THEN 'error' ELSE 'completed' END,
       CASE WHEN dice < 0.03 THEN NULL ELSE 'stop' END, CASE WHEN dice < 0.03 THEN 'provider_error' END,
       CASE WHEN dice < 0.03 THEN 503 ELSE 200 END, 200 + tokens, tokens / 4, tokens / 40, tokens / 3,
       tokens * 3000::bigint, 0, false, 100 + tokens, 500 + tokens * 3, 'app-' || floor(40 * sqrt(chance)),
       CASE WHEN chance < 0.00001 THEN 'rare' ELSE 'user-' || floor(20000 * chance ^ 4) END, '{"seed": 7}'
  FROM (SELECT %(day)s::timestamptz + number * %(step)s::interval AS at, md5(number::text || random()) AS noise,
               organization, floor(random() * CASE organization WHEN 1 THEN 500 ELSE 20 END)::int AS key,
               floor(30 * random() ^ 2)::int AS model, floor(random() * 3)::int AS place, random() AS dice,
               random() AS chance, floor(2000 * random() ^ 2)::int AS tokens
          FROM (SELECT number, CASE WHEN random() < 0.6 THEN 1 ELSE 2 + floor(random() * 49)::int END AS organization
                  FROM generate_series(0, %(count)s - 1) number OFFSET 0) drawn OFFSET 0) made
"""
USAGE_SQL = f"""
INSERT INTO {{table}} (organization_id, workspace_id, api_key_id, member_id, model, provider, {{unit}},
                        {", ".join(MEASURES)})
SELECT organization_id, workspace_id, coalesce(api_key_id, 0), coalesce(member_id, 0), model, provider,
       date_trunc('{{unit}}', admitted_at, 'UTC'), {", ".join(MEASURES_OF_GENERATIONS[name] for name in MEASURES)}
  FROM generation WHERE admitted_at >= %(start)s AND admitted_at < %(end)s GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


@contextmanager
def database() -> Iterator[EmbeddedPostgres]:
    """A migrated PostgreSQL that lives as long as the block; nobody minds if its power fails."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        Path(folder).chmod(0o711)
        guardian, postgres = Guardian(), EmbeddedPostgres(Path(folder) / "postgres", is_durable=False)
        postgres.start(guardian)
        try:
            migrate(app_url=postgres.url(APP_ROLE), owner_url=postgres.url(OWNER_ROLE))
            yield postgres
        finally:
            postgres.stop()
            guardian.close()


def load(connection: Connection, generations: int, today: date) -> None:
    """Thirty days that are over, and what they add up to."""
    ensure_partitions(connection, today=today - timedelta(days=DAYS), days_ahead=DAYS + 1)
    for number in range(DAYS):
        day = datetime.combine(today, datetime.min.time(), UTC) - timedelta(days=DAYS - number)
        span = {"start": day, "end": day + timedelta(days=1)}
        count = generations // DAYS
        step = timedelta(days=1) / count
        connection.execute(LOAD_SQL, {"day": day, "step": step, "count": count})
        connection.execute(USAGE_SQL.format(table="usage_hour", unit="hour"), span)
        if number == DAYS - 1:
            connection.execute(USAGE_SQL.format(table="usage_minute", unit="minute"), span)
        rebuild_day(connection, day.date())
        print(".", end="", flush=True)
    connection.execute("VACUUM ANALYZE")


def timed(generations: int) -> dict[str, float]:
    """The median of each scenario with so many generations, in milliseconds."""
    with database() as postgres:
        began, today = time.monotonic(), datetime.now(UTC).date()
        with psycopg.connect(postgres.url(OWNER_ROLE), autocommit=True) as connection:
            load(connection, generations, today)
            size = connection.execute(
                "SELECT pg_size_pretty(pg_database_size(current_database()))"
            ).fetchone()
        print(f" {generations:,} generations in {time.monotonic() - began:,.0f} s, {size}", flush=True)
        environment = os.environ | new_secrets()
        environment |= {
            "DATABASE_URL": postgres.url(APP_ROLE),
            "HEADGATE_OWNER_DATABASE_URL": postgres.url(OWNER_ROLE),
            "HEADGATE_ALLOWED_HOSTS": "localhost",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        command = [sys.executable, "-W", "ignore", "-c", CHILD]
        found = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        medians: dict[str, float] = json.loads(found.stdout)
        return medians


def main(sizes: list[int]) -> None:
    """Print the table; the last column compares the last size with the first."""
    found = [timed(size) for size in sizes]
    print(f"{'milliseconds, median':<52}" + "".join(f"{size:>14,}" for size in sizes) + f"{'times':>8}")
    for name in found[0]:
        times = found[-1][name] / max(found[0][name], 0.1)
        mark = "" if times <= MOST_TIMES_SLOWER else "  more than 3"
        print(f"{name:<52}" + "".join(f"{one[name]:>14.1f}" for one in found) + f"{times:>8.1f}{mark}")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(SIZES))
