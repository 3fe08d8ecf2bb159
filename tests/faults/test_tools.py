"""Faults in the middle of requests that run server tools, many times; judged by the provider's own record."""

from __future__ import annotations

import pytest

from tests.faults import tool_drills
from tests.faults.report import report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

ROUNDS = 20


class TestRequestsInTheMiddleOfTools:
    @pytest.mark.parametrize("act", [tool_drills.kill, tool_drills.leave])
    def test_are_charged_once_for_what_was_delivered(self, drill, act):
        for _ in range(ROUNDS):
            drill.begin()
            seen = tool_drills.in_the_middle(drill, act)

            assert seen.charged_searches == seen.served_searches == 2
            report(f"{act.__name__} in the middle of tools", 1, seen)
        drill.check_by_command()

    @pytest.mark.parametrize("seconds", [1, 5])
    def test_go_on_or_say_so_while_the_database_is_away(self, drill, seconds):
        seen = tool_drills.stop_database(drill, seconds)

        report("PostgreSQL stopped under loops", 1, seen)
        assert seen.verdict.exact > 0
        assert {trace.status for trace in seen.traces} <= {200, 503}
