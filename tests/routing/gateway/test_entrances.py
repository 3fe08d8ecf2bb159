"""Restriction × way in: what is refused at one entrance is refused at all of them, alike, and reaches no provider.

The table in docs/promises.md is made here; with HEADGATE_WRITE_DOCS=1 this writes it anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from routing.gateway.dialects import PATHS
from tests.routing.gateway.entrances import EMBED, ENTRANCES, MESSAGES, TEXT, WAYS, Asked
from tests.routing.gateway.own_models import own_models
from tests.routing.gateway.restrictions import (
    FOR_GOOD,
    GIVES_WAY,
    RESTRICTIONS,
    Restriction,
    by_key,
    concerned,
    put_on,
)
from tests.routing.simulator.process import ROOT, wait_until

PAGE = ROOT / "docs" / "promises.md"
BEGIN, END = "<!-- entrances: begin -->", "<!-- entrances: end -->"
AT_MIRROR = {"endpoints": [{"tag": "mirror", "upstream_model": "m", "trains_on_prompts": True}]}
FREE = Restriction(200, "", by_key())
ANTHROPIC = {
    "invalid_request": "invalid_request_error",
    "authentication": "authentication_error",
    "payment_required": "billing_error",
    "permission_denied": "permission_error",
    "not_found": "not_found_error",
    "rate_limit_exceeded": "rate_limit_error",
}


@pytest.fixture(scope="module")
def keys(stage, gateway, mirror, django_db_blocker) -> Iterator[dict[str, str]]:
    """A key for each restriction, and one without any, once the gateway knows the models."""
    with own_models({TEXT: AT_MIRROR, EMBED: AT_MIRROR}, django_db_blocker):
        with django_db_blocker.unblock():
            held = {name: put_on(stage.acme, restriction) for name, restriction in RESTRICTIONS.items()}
            held[""] = put_on(stage.acme, FREE)
            connections.close_all()
        first = next(requests("chat/completions", FREE))
        wait_until(lambda: first.send(gateway, held[""]).status == 200, what="the models")
        yield held


def requests(way: str, restriction: Restriction) -> Iterator[Asked]:
    """All requests of a way in that meet a restriction."""
    paths, make = WAYS[way]
    for path in concerned(restriction, paths):
        yield from make(path, restriction.text, restriction.more)


def told(asked: Asked, answer) -> tuple[int, str]:
    """Status and error type, which must be in the envelope of the entrance's dialect."""
    if answer.status == 200:
        return 200, ""
    error = answer.json()["error"]
    if asked.path == MESSAGES:
        assert answer.json()["type"] == "error"
        assert error["type"] == ANTHROPIC[error["error_type"]]
        return answer.status, error["error_type"]
    assert error["code"] == answer.status
    return answer.status, error["metadata"]["error_type"]


def ask(gateway, mirror, key: str, asked: Asked) -> tuple[int, str]:
    """What the first request is told that is refused; nothing else than that one is in the mirror then."""
    answers = []

    def is_refused() -> bool:
        mirror.asked.clear()
        answers.append(told(asked, asked.send(gateway, key)))
        return answers[-1][0] != 200

    wait_until(is_refused, what="a refusal")
    return answers[-1]


@pytest.mark.parametrize("way", WAYS)
class TestEveryWayIn:
    @pytest.mark.parametrize("name", RESTRICTIONS)
    def test_meets_every_restriction(self, gateway, mirror, keys, name, way):
        restriction = RESTRICTIONS[name]
        expected, every = (restriction.status, restriction.error_type), list(requests(way, restriction))
        if name in GIVES_WAY:
            for asked in every[: 1 if name in FOR_GOOD else None]:
                assert (ask(gateway, mirror, keys[name], asked), mirror.asked) == (expected, []), asked
            every = every if name in FOR_GOOD else []
        mirror.asked.clear()

        with ThreadPoolExecutor(
            8
        ) as pool:  # who has money elsewhere is waited for, a quarter of a second each
            answers = list(pool.map(lambda asked: asked.send(gateway, keys[name]), every))

        for asked, answer in zip(every, answers, strict=True):
            assert told(asked, answer) == expected, asked
        assert mirror.asked == []

    def test_leads_to_the_provider_where_nothing_is_restricted(self, gateway, mirror, keys, way):
        for asked in requests(way, FREE):
            mirror.asked.clear()

            answer = asked.send(gateway, keys[""])

            assert (answer.status, len(mirror.asked)) == (200, 1), (asked, answer.body)


def cell(restriction: Restriction, way: str) -> str:
    """How many requests a cell stands for, or why there is none."""
    count = len(list(requests(way, restriction)))
    return f"×{count}" if count else restriction.elsewhere[WAYS[way][0][0]]


def table() -> str:
    """The matrix as the docs show it."""
    head = ["restriction", "answer", *WAYS]
    rows = [head, ["---"] * len(head)]
    for name, restriction in RESTRICTIONS.items():
        answer = f"{restriction.status} `{restriction.error_type}`"
        rows.append([name, answer, *(cell(restriction, way) for way in WAYS)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


class TestThePublishedTable:
    def test_is_the_one_that_is_tested(self):
        page = PAGE.read_text()
        before, rest = page.split(BEGIN)
        shown, after = rest.split(END)
        if os.environ.get("HEADGATE_WRITE_DOCS"):
            PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")
            return
        assert shown.strip() == table()

    def test_has_no_empty_cell(self):
        assert all(cell(restriction, way) for restriction in RESTRICTIONS.values() for way in WAYS)

    def test_takes_every_entrance_that_there_is(self):
        assert set(ENTRANCES) == PATHS.keys()
