"""The official client against a live server: every operation on BYOK credentials parses in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openrouter import OpenRouter, errors
from pytest_django.live_server_helper import LiveServer

from tests.cast import Acme
from tests.routing.byok_secrets import FORMATS
from tests.workspaces.api.test_official_client import connected

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]


@pytest.fixture
def client(acme: Acme, live_server: LiveServer) -> Iterator[OpenRouter]:
    """The official client with acme's management key."""
    with connected(acme.management_key.secret, live_server) as client:
        yield client


class TestTheOfficialClient:
    def test_manages_credentials(self, client: OpenRouter, acme: Acme):
        made = client.byok.create(
            key=FORMATS["openai"],
            provider="openai",
            name="Production",
            allowed_models=["openai/gpt-4o"],
            allowed_api_key_hashes=[acme.bob_key.key.hash],
            allowed_user_ids=[acme.bob.user.public_id],
            declared_zdr=True,
            is_required=True,
        ).data
        found = client.byok.get(id=made.id).data
        changed = client.byok.update(
            id=made.id, allowed_models=None, allowed_user_ids=None, disabled=True, key="sk-another-key-7890"
        ).data
        deleted = client.byok.delete(id=made.id)

        assert found == made
        assert (made.label, made.workspace_id) == ("sk-...AbCd", str(acme.default.public_id))
        assert made.allowed_api_key_hashes == changed.allowed_api_key_hashes == [acme.bob_key.key.hash]
        assert (changed.label, changed.allowed_models, changed.allowed_user_ids) == ("sk-...7890", None, None)
        assert (changed.disabled, changed.is_required, changed.declared_zdr) == (True, True, True)
        assert deleted.DELETED is True
        with pytest.raises(errors.NotFoundResponseError):
            client.byok.get(id=made.id)

    def test_lists_credentials_page_by_page(self, client: OpenRouter):
        made = [client.byok.create(key=key, provider=name).data for name, key in sorted(FORMATS.items())]

        first = client.byok.list(offset=0, limit=4)
        rest = first.next()
        of_one = client.byok.list(provider="azure").result

        assert [row.id for row in first.result.data + rest.result.data] == [row.id for row in made]
        assert first.result.total_count == len(FORMATS)
        assert [row.provider for row in of_one.data] == ["azure"]

    def test_is_told_what_is_wrong(self, client: OpenRouter, acme: Acme, live_server: LiveServer):
        with pytest.raises(errors.BadRequestResponseError, match="allowed_api_key_hashes"):
            client.byok.create(key="sk-1", provider="openai", allowed_api_key_hashes=["0" * 64])
        with connected(acme.bob_key.secret, live_server) as own:
            with pytest.raises(errors.ForbiddenResponseError, match="Only management keys"):
                own.byok.create(key="sk-1", provider="openai")
            with pytest.raises(errors.UnauthorizedResponseError):
                own.byok.list()
