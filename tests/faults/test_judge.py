"""The judge itself: books that are wrong by a nano-dollar must not pass."""

from __future__ import annotations

import pytest

from config.lib.ids import parse_generation_id, uuid7
from tests.faults.load import chat, words

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture
def served(drill):
    """A few answers that are in the books, and their callers' traces."""
    callers = drill.callers()
    callers.send(drill.new_key(), *[chat(words(5))] * 3)
    traces = callers.finish()
    drill.judge(traces)
    return traces


class TestTheJudge:
    @pytest.mark.parametrize("nano", [1, -1])
    def test_notices_a_charge_that_is_a_nano_off(self, drill, served, nano):
        wrong = parse_generation_id(served[0].identifier)
        with drill.oracle.connect() as books:
            books.execute("UPDATE generation SET cost_nano = cost_nano + %s WHERE id = %s", [nano, wrong])

            verdict = drill.oracle.audit(served)

            books.execute("UPDATE generation SET cost_nano = cost_nano - %s WHERE id = %s", [nano, wrong])
        assert any(served[0].identifier in violation for violation in verdict.violations)
        assert any("ledger" in violation for violation in verdict.violations)

    def test_notices_a_generation_that_is_lost(self, drill, served):
        lost, other = parse_generation_id(served[0].identifier), uuid7()
        with drill.oracle.connect() as books:
            books.execute("UPDATE generation SET id = %s WHERE id = %s", [other, lost])

            missing, verdict = drill.oracle.missing(served), drill.oracle.audit(served)

            books.execute("UPDATE generation SET id = %s WHERE id = %s", [lost, other])
        assert missing == {lost}
        assert any("0 generations" in violation for violation in verdict.violations)
        assert any("never called" in violation for violation in verdict.violations)
