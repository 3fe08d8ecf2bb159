"""The official client against a live server: presets parse in it, whoever made them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openrouter import OpenRouter, errors
from pytest_django.live_server_helper import LiveServer

from tests.cast import Acme
from tests.workspaces.api.test_official_client import connected

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]


@pytest.fixture(params=["management_key", "bob_key"])
def client(request: pytest.FixtureRequest, acme: Acme, live_server: LiveServer) -> Iterator[OpenRouter]:
    """The official client with acme's management key, and with bob's own key."""
    with connected(getattr(acme, request.param).secret, live_server) as client:
        yield client


class TestTheOfficialClient:
    def test_makes_presets_from_each_dialect(self, client: OpenRouter):
        chat = client.presets.create_presets_chat_completions(
            slug="brief",
            model="simulator/echo",
            temperature=0.25,
            tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
            messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        ).data
        messages = client.presets.create_presets_messages(
            slug="brief",
            model="simulator/echo",
            max_tokens=100,
            system="Be kind.",
            messages=[{"role": "user", "content": "Hello"}],
        ).data
        responses = client.presets.create_presets_responses(
            slug="brief", model="simulator/echo", instructions="Be exact.", input="Hello"
        ).data

        versions = [row.designated_version for row in (chat, messages, responses)]
        assert {row.id for row in (chat, messages, responses)} == {chat.id}
        assert [version.version for version in versions] == [1, 2, 3]
        assert [version.system_prompt for version in versions] == ["Be brief.", "Be kind.", "Be exact."]
        assert versions[0].config["temperature"] == 0.25
        assert versions[0].config["tools"][0]["function"]["name"] == "look"
        assert versions[1].config == {"model": "simulator/echo", "max_tokens": 100}

    def test_reads_presets_and_their_versions(self, client: OpenRouter):
        for slug in ("one", "two", "two"):
            made = client.presets.create_presets_responses(slug=slug, model="simulator/echo").data

        listed = client.presets.list(offset=0, limit=1)
        rest = listed.next()
        found = client.presets.get(slug="two").data
        versions = client.presets.list_versions(slug="two")
        first = client.presets.get_version(slug="two", version="1").data

        assert (listed.result.total_count, [row.slug for row in listed.result.data]) == (2, ["two"])
        assert [row.slug for row in rest.result.data] == ["one"]
        assert found.model_dump() == made.model_dump()
        assert [row.version for row in versions.result.data] == [1, 2]
        assert first == versions.result.data[0]
        assert found.status == "active"

    def test_is_told_what_is_wrong(self, client: OpenRouter):
        with pytest.raises(errors.NotFoundResponseError):
            client.presets.get(slug="unknown")
        with pytest.raises(errors.NotFoundResponseError):
            client.presets.list_versions(slug="unknown")
        with pytest.raises(errors.BadRequestResponseError, match="'models'"):
            client.presets.create_presets_responses(slug="brief", models=["m"] * 17)
        with pytest.raises(errors.BadRequestResponseError, match="slug"):
            client.presets.create_presets_responses(slug="no slug", model="simulator/echo")
