"""The environment that the parts of a stack share."""

from __future__ import annotations

import pytest

from config.stack.folder import DataFolder
from config.stack.parts import Ports, stack_environment

PORTS = Ports(gateway=8000, simulator=8001, metrics=8002)
WEB = ("HEADGATE_SEARXNG_URL", "HEADGATE_OUTBOUND_ALLOW")


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "var")


class TestTheDemonstration:
    def test_searches_and_reads_the_simulators_web(self, folder):
        found = stack_environment(folder, PORTS, None, {}, is_demo=True)

        assert [found[name] for name in WEB] == ["http://127.0.0.1:8001/web", "127.0.0.1/32"]

    def test_leaves_what_is_set_already(self, folder):
        given = dict.fromkeys(WEB, "mine")

        found = stack_environment(folder, PORTS, None, given, is_demo=True)

        assert [found[name] for name in WEB] == ["mine", "mine"]


class TestAPlainStack:
    def test_opens_nothing(self, folder):
        assert not set(WEB) & stack_environment(folder, PORTS, None, {}).keys()
