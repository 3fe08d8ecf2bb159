"""Charts: what is drawn says what the numbers say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.lib.charts import HEIGHT, WIDTH, Series, lines, stacked_bars, top_of

TIMES = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(4)]
SERIES = [Series("a", [1, 0, 4, 0], 1), Series("b", [1, 2, 4, 0], 2)]


class TestStackedBars:
    def test_stand_one_upon_the_other_and_add_up_to_the_whole(self) -> None:
        chart = stacked_bars(label="Requests", times=TIMES, series=SERIES, write=str)

        third = chart.columns[2]
        assert third.whole == 8
        assert [float(mark.height) for mark in third.marks] == pytest.approx([HEIGHT * 0.4] * 2)
        assert float(third.marks[1].y) == pytest.approx(HEIGHT * 0.2)

    def test_say_every_value_and_leave_empty_times_out_of_the_table(self) -> None:
        chart = stacked_bars(label="Requests", times=TIMES, series=SERIES, write=str)

        assert [(column.told, column.values) for column in chart.shown_columns] == [
            ("2", ["1", "1"]),
            ("2", ["0", "2"]),
            ("8", ["4", "4"]),
        ]

    def test_know_whether_their_times_are_days(self) -> None:
        hours = [at + timedelta(hours=1) for at in TIMES]

        assert stacked_bars(label="Requests", times=TIMES, series=SERIES, write=str).has_days
        assert not stacked_bars(label="Requests", times=hours, series=SERIES, write=str).has_days

    def test_are_told_beside_a_line_that_is_no_part_of_them(self) -> None:
        before = Series("before", [0, 20, 0, 0], 9)

        chart = stacked_bars(label="Requests", times=TIMES, series=SERIES, write=str, beside=before)

        assert chart.ticks[0] == "20"
        assert [column.whole for column in chart.columns] == [2, 2, 8, 0]
        assert chart.columns[1].values == ["0", "2", "20"]
        assert [line.colour for line in chart.lines] == [9]

    def test_lead_where_they_are_told_to(self) -> None:
        links = ["?a", "", "?c", ""]

        chart = stacked_bars(label="Requests", times=TIMES, series=SERIES, write=str, links=links)

        assert [column.href for column in chart.columns] == links

    def test_share_the_width(self) -> None:
        chart = stacked_bars(label="Requests", times=TIMES, series=SERIES, write=str)

        assert float(chart.columns[3].x) + float(chart.columns[3].width) == pytest.approx(WIDTH)

    def test_are_drawn_of_nothing_too(self) -> None:
        assert stacked_bars(label="Requests", times=[], series=[], write=str).columns == []
        assert stacked_bars(label="Requests", times=TIMES, series=[], write=str).shown_columns == []


class TestLines:
    def test_go_through_the_middle_of_each_column(self) -> None:
        chart = lines(label="Latency", times=TIMES, series=[Series("p50", [0, 10, 5, 10])], write=str)

        assert chart.lines[0].points == "120.00,220.00 360.00,0.00 600.00,110.00 840.00,0.00"


class TestTheTop:
    @pytest.mark.parametrize(
        ("highest", "top"),
        [(0, 2), (1, 2), (2, 2), (3, 10), (10, 10), (11, 20), (21, 50), (10**18 + 1, 2 * 10**18)],
    )
    def test_is_a_round_number_that_has_a_half(self, highest: int, top: int) -> None:
        assert top_of(highest) == top
