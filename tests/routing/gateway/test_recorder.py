"""Whatever goes wrong with what was said costs what was said, and never a charge."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from config.lib.crypto import KeyRing, SealingError, sealing_ring
from observability.content_sealing import open_content
from routing.call import Call
from routing.gateway.bodies import BodyReader
from routing.gateway.books import Opened, Outcome
from routing.gateway.ending import Ending, heard
from routing.gateway.recorder import Recorder
from routing.recording import Wanted
from tests.routing.make import make_policy

ID = "019a0000-0000-7000-8000-000000000000"
CALL = Call("chat", ("a/b",), {"messages": []}, is_streamed=False, prompt_tokens=1, max_tokens=None)
POLICY = make_policy()
KNOWN: Any = SimpleNamespace(policy=POLICY, organization=POLICY.principal.organization_id)
OPENED = Opened(ID, "gen-1", KNOWN, CALL, "a/b", None, (), 0.0, wanted=Wanted(True, (3,)))  # type: ignore[arg-type]
ENDING = heard(Ending(Outcome("completed")), OPENED, {"completion": "secret"})


class BrokenRing(KeyRing):
    """Seals nothing."""

    def seal(self, plain: bytes, *, identity: str) -> str:
        raise SealingError(plain.decode(errors="replace"))


def record(ring: KeyRing | None, opened: Opened = OPENED, ending: Ending = ENDING) -> tuple[Any, int]:
    """The record, and how many contents were lost."""
    recorder = Recorder(ring, BodyReader())
    content = asyncio.run(recorder.content_of(opened, ending))
    recorder.close()
    return content, recorder.lost


class TestARecord:
    @pytest.mark.parametrize("text", ["secret", "secret " * 20_000])
    def test_is_sealed_to_its_generation(self, text: str):
        content, lost = record(sealing_ring(), ending=heard(ENDING, OPENED, {"completion": text}))

        organization = KNOWN.policy.principal.organization_id
        opened = open_content(sealing_ring(), content.sealed, organization_id=organization, generation_id=ID)
        assert (content.id, content.is_logged, content.destinations, lost) == (ID, True, (3,), 0)
        assert opened["output"]["completion"] == text

    @pytest.mark.parametrize(
        ("opened", "ending"),
        [(replace(OPENED, wanted=None), ENDING), (OPENED, replace(ENDING, said=None))],
    )
    def test_is_not_made_where_nobody_wants_it_or_nothing_was_said(self, opened: Opened, ending: Ending):
        assert record(sealing_ring(), opened, ending) == (None, 0)

    def test_is_lost_without_a_word_of_it_when_something_is_wrong(self, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)

        assert record(BrokenRing("k", {})) == (None, 1)
        assert "the content of gen-1 is lost: SealingError" in caplog.text
        assert "secret" not in caplog.text

    def test_of_an_installation_without_keys_is_none(self):
        assert record(None) == (None, 0)
