"""The service tier that a provider reports goes to the generation, whatever the dialect of the caller."""

from __future__ import annotations

import pytest

from tests.routing.gateway.plugin_bodies import PATHS, body

pytestmark = pytest.mark.usefixtures("plugins_world")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_streamed", [False, True])
class TestTheServiceTier:
    @pytest.fixture(autouse=True)
    def reset(self, mirror):
        """The next test's provider reports none."""
        yield
        mirror.tier = None

    def test_is_kept_as_it_is_reported(self, gateway, mirror, key, path, is_streamed):
        mirror.tier = "priority"

        answer = gateway.post(key, body(path, stream=is_streamed), path)

        assert gateway.end_of(answer.headers["x-generation-id"]).detail["service_tier"] == "priority"

    def test_that_is_none_or_nonsense_is_not_kept(self, gateway, mirror, key, path, is_streamed):
        for said in (None, 5, ""):
            mirror.tier = said

            answer = gateway.post(key, body(path, stream=is_streamed), path)

            assert answer.status == 200, answer.body
            assert "service_tier" not in gateway.end_of(answer.headers["x-generation-id"]).detail
