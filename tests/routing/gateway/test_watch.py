"""A wait is ended for the reason that counts, whoever comes first."""

from __future__ import annotations

import asyncio

import pytest

from routing.gateway.watch import Interrupted, Reason, Watch


class TestAnInterruption:
    @pytest.mark.parametrize("final", [Reason.GONE, Reason.STOPPING])
    async def test_that_is_final_outdoes_a_late_provider_at_the_same_moment(self, final):
        seen = []

        async def serve() -> None:
            watch = watches[0]
            try:
                with watch.within(60):
                    await asyncio.sleep(60)
            except Interrupted as stop:
                seen.append(stop.reason)

        task = asyncio.create_task(serve())
        watches = [Watch(task)]
        await asyncio.sleep(0)

        watches[0].interrupt(Reason.LATE)
        watches[0].interrupt(final)
        watches[0].interrupt(Reason.LATE)
        await task

        assert seen == [final] == [watches[0].reason]
        assert task.cancelling() == 0
