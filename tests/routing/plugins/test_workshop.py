"""Heavy work happens in processes that are ended when they take too long, and the next one is served."""

from __future__ import annotations

import asyncio
import json
import zlib

import pytest

from routing.gateway.workshop import Workshop
from routing.plugins.bench import Failed
from routing.plugins.heavy_work import repair_json
from tests.routing.plugins.pdfs import pdf


@pytest.fixture(scope="module")
def in_workshop():
    """The results of tasks, or why there are none, one after the other; all in one workshop, as in a gateway."""
    workshop = Workshop()

    async def work(tasks):
        found = []
        for task, data in tasks:
            try:
                found.append(await workshop.work(task, data))
            except Failed as error:
                found.append(str(error))
        return found

    with asyncio.Runner() as runner:
        yield lambda *tasks: runner.run(work(tasks))
        runner.run(workshop.close())


class TestAPdf:
    def test_is_read_page_by_page(self, in_workshop):
        assert in_workshop(("pdf", pdf("One", "Two"))) == [["One", "Two"]]

    @pytest.mark.parametrize("data", [b"", b"%PDF-1.4", b"%PDF-1.4\n" + b"x" * 10_000, pdf("One")[:300]])
    def test_that_is_broken_is_said_to_be(self, in_workshop, data):
        assert in_workshop(("pdf", data)) == ["it is broken"]

    def test_of_many_pages_is_refused(self, in_workshop):
        assert in_workshop(("pdf", pdf(*["x"] * 501))) == ["it has more than 500 pages"]

    def test_that_blows_up_is_survived(self, in_workshop):
        bomb = zlib.compress(b"(x) Tj " * (50 << 20), 9)
        head, _, tail = pdf("One").partition(b"<< /Length")
        rest = tail.partition(b"stream\n")[2]
        data = (
            head
            + b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(bomb)
            + bomb
            + b"\nendstream"
            + rest
        )

        found = in_workshop(("pdf", data), ("pdf", pdf("One")))

        assert isinstance(found[0], str)
        assert found[1] == ["One"]


class TestAWorkerThatTakesTooLong:
    def test_is_ended_and_another_takes_its_place(self):
        async def work():
            workshop = Workshop(0.001)
            with pytest.raises(Failed, match="too long"):
                await workshop.work("pdf", pdf("One"))
            workshop._seconds = 20.0
            found = await workshop.work("pdf", pdf("Two"))
            await workshop.close()
            return found

        assert asyncio.run(work()) == ["Two"]


class TestRepair:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ('{"name": "Alice", "age": 30', {"name": "Alice", "age": 30}),
            ('```json\n{"name": "Bob"}\n```', {"name": "Bob"}),
            ('Here it is:\n{"name": "Charlie", "age": 25}', {"name": "Charlie", "age": 25}),
            ('{"name": "David", "age": 35,}', {"name": "David", "age": 35}),
            ('{name: "Eve", age: 40}', {"name": "Eve", "age": 40}),
            ('{"a": 1} I hope that helps.', {"a": 1}),
            ("[1, 2,", [1, 2]),
            ('{"a": "ü€"', {"a": "ü€"}),
        ],
    )
    def test_mends_what_models_get_wrong(self, text, meant):
        assert json.loads(repair_json(text.encode())) == meant

    @pytest.mark.parametrize("text", ["", "No.", "42"])
    def test_makes_nothing_of_what_is_no_json(self, text):
        assert repair_json(text.encode()) == ""

    def test_survives_what_is_nested_too_deep(self, in_workshop):
        found = in_workshop(("json", b"[" * 200_000), ("json", b'{"a": 1,'))

        assert found[1] == '{"a": 1}'
