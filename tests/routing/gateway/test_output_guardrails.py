"""What the model says is looked at too, where a guardrail asks for it: before delivery, or as the stream comes."""

from __future__ import annotations

import pytest
from django.db import connections

from config.lib.scoping import tenant
from tests.routing.gateway.positions import POSITIONS
from tests.routing.gateway.stage import held_to

PATHS = [path for path in POSITIONS if not path.endswith("/embeddings")]
SECRET = "ann@example.com"
SAYS = ("Write to ", "ann@exa", "mple.com", " today", ", she said")
"""The address comes in two pieces."""


@pytest.fixture(scope="module")
def keys(stage, django_db_blocker):
    """A key for each action on e-mail addresses in answers, and one whose guardrail looks at requests only."""
    held = {}
    with django_db_blocker.unblock():
        with tenant(stage.acme.organization.pk):
            for name in ("redact", "block", "flag", "requests only"):
                action = name if name != "requests only" else "block"
                settings = {
                    "content_filter_builtins": [{"slug": "email", "action": action}],
                    "is_filtering_outputs": name != "requests only",
                }
                held[name] = held_to(stage.acme.default, f"outputs {name}", settings)
        connections.close_all()
    return held


@pytest.fixture(autouse=True)
def answers(mirror):
    """The provider says an e-mail address."""
    before, mirror.says = mirror.says, SAYS
    yield
    mirror.says = before


def ask(gateway, key, path, *, stream=False):
    body = next(position.body("Hi") for position in POSITIONS[path] if position.speaker == "user")
    return gateway.post(key, body | {"stream": stream}, path)


@pytest.mark.parametrize("path", PATHS)
class TestAWholeAnswer:
    def test_is_redacted(self, gateway, keys, path):
        answer = ask(gateway, keys["redact"], path)

        assert answer.status == 200
        assert SECRET.encode() not in answer.body
        assert b"Write to [EMAIL] today" in answer.body

    def test_is_withheld_and_charged(self, gateway, keys, path):
        answer = ask(gateway, keys["block"], path)

        assert answer.status == 403
        assert SECRET.encode() not in answer.body
        assert b"Answer withheld by content filter: Email address" in answer.body
        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.status, end.http_status, end.finish_reason) == ("error", 403, "content_filter")
        assert end.cost_nano > 0

    def test_is_shown_and_flagged(self, gateway, keys, path):
        answer = ask(gateway, keys["flag"], path)

        assert answer.status == 200
        assert SECRET.encode() in answer.body
        stages = gateway.end_of(answer.headers["x-generation-id"]).detail["pipeline"]
        assert [(stage["data"]["action"], stage["data"].get("direction")) for stage in stages] == [
            ("passed", None),
            ("flagged", "output"),
        ]

    def test_is_not_looked_at_unless_a_guardrail_asks(self, gateway, keys, path):
        answer = ask(gateway, keys["requests only"], path)

        assert answer.status == 200
        assert SECRET.encode() in answer.body


@pytest.mark.parametrize("path", PATHS)
class TestAStream:
    @pytest.mark.parametrize("action", ["redact", "block"])
    def test_is_cut_before_the_piece_that_completes_the_match(self, gateway, keys, path, action):
        answer = ask(gateway, keys[action], path, stream=True)

        assert b"mple.com" not in answer.body
        assert b"she said" not in answer.body
        assert b"Answer withheld by content filter: Email address" in answer.body
        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.status, end.http_status, end.finish_reason) == ("error", 403, "content_filter")
        assert end.cost_nano > 0

    def test_goes_on_and_is_flagged(self, gateway, keys, path):
        answer = ask(gateway, keys["flag"], path, stream=True)

        assert b"mple.com" in answer.body
        assert b"she said" in answer.body
        stages = gateway.end_of(answer.headers["x-generation-id"]).detail["pipeline"]
        assert [stage["data"]["action"] for stage in stages] == ["passed", "flagged"]
