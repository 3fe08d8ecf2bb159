"""Tell the other gateway processes what was counted of the running minute, and hear what they have counted.

About once a second, and sooner where much of a limit was used since; no request ever waits for it. While the
database is away each process counts by itself.
"""

from __future__ import annotations

import asyncio

from config.lib.shared_rates import add
from routing.gateway.database import ANSWER_SECONDS, Connect, Connection, keep_trying, opened
from routing.gateway.rates import FREE_DAY, Count, Rates

EXCHANGE_SECONDS = 1.0
LEAST_SECONDS = 0.01
"""Between two exchanges, however much there is to tell."""
REQUESTS, TOKENS = "requests", "tokens"

# A day's count begins with what is in the books: minutes may be forgotten by a crash of the database, days not.
BEGIN_DAYS = """
INSERT INTO shared_counter AS known (subject, minute, count)
SELECT 'day:free_day:' || day.organization || ':requests', day.minute, coalesce(sum(requests), 0)
  FROM unnest(%s::bigint[], %s::bigint[]) day (organization, minute)
  LEFT JOIN usage_hour ON organization_id = day.organization AND model LIKE '%%:free'
   AND hour >= to_timestamp(day.minute * 60)
 WHERE NOT EXISTS (SELECT FROM shared_counter WHERE minute = day.minute
                      AND subject = 'day:free_day:' || day.organization || ':requests')
 GROUP BY day.organization, day.minute ORDER BY 1
ON CONFLICT (subject) DO UPDATE SET minute = EXCLUDED.minute, count = EXCLUDED.count
 WHERE known.minute < EXCLUDED.minute
"""


class RateExchange:
    """Runs beside the requests of one process for as long as it lives."""

    def __init__(self, rates: Rates, *, connect: Connect) -> None:
        self._rates, self._connect = rates, connect
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the database may be away."""
        self._task = asyncio.create_task(
            keep_trying(self._exchange_on, "rates are counted by each process alone")
        )

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _exchange_on(self) -> None:
        async with await opened(self._connect) as connection:
            while True:
                try:
                    async with asyncio.timeout(EXCHANGE_SECONDS):
                        await self._rates.news.wait()
                except TimeoutError:
                    pass
                self._rates.news.clear()
                await self._exchange(connection)
                await asyncio.sleep(LEAST_SECONDS)

    async def _exchange(self, connection: Connection) -> None:
        told = self._rates.tell()
        if not told:
            return
        counts = [
            (_subject(count, what), count.minute, number)
            for count in told
            for what, number in ((REQUESTS, count.requests), (TOKENS, count.tokens))
        ]
        days = [count for count in told if count.scope[0] == FREE_DAY]
        async with asyncio.timeout(ANSWER_SECONDS):
            if days:
                await connection.execute(
                    BEGIN_DAYS, [[day.scope[1] for day in days], [day.minute for day in days]]
                )
            totals = await add(connection, counts)
        self._rates.hear(
            Count(
                count.scope,
                count.minute,
                totals.get((_subject(count, REQUESTS), count.minute), 0),
                totals.get((_subject(count, TOKENS), count.minute), 0),
            )
            for count in told
        )


def _subject(count: Count, what: str) -> str:
    layer, identifier = count.scope
    return f"{'day' if layer == FREE_DAY else 'rate'}:{layer}:{identifier}:{what}"
