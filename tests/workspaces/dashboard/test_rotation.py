"""The pages that rotate a key and end its former secret."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from config.lib.keys import hash_of
from config.lib.scoping import tenant
from tests.cast import Acme
from tests.dashboard_pages import HTMX, text_of
from workspaces.models import ApiKey, FormerSecret

pytestmark = pytest.mark.django_db

SECRET = re.compile(r"sk-hg-v1-[0-9a-f]{64}")


@pytest.fixture
def page(acme: Acme) -> str:
    """The address of bob's key, by its first secret."""
    return f"/o/acme/w/production/keys/{acme.bob_key.key.hash}"


def present_hash(acme: Acme) -> str:
    """The hash that bob's key has now."""
    with tenant(acme.organization.pk):
        return str(ApiKey.objects.get(pk=acme.bob_key.key.pk).hash)


class TestTheRotateButton:
    def test_is_on_the_keys_page_and_in_the_list(self, acme: Acme, page: str, viewers: dict[str, Client]):
        for path in (page, "/o/acme/w/production/keys"):
            assert f"{page}/rotate" in text_of(viewers["bob"].get(path))

    def test_shows_the_new_secret_in_this_answer_and_nowhere_else(
        self, acme: Acme, page: str, viewers: dict[str, Client]
    ):
        answer = text_of(viewers["bob"].post(f"{page}/rotate", {"grace": "3600"}, headers=HTMX))

        [secret] = set(SECRET.findall(answer))
        assert present_hash(acme) == hash_of(secret)
        for path in (page, "/o/acme/w/production/keys"):
            assert not SECRET.search(text_of(viewers["bob"].get(path)))

    def test_says_why_it_has_to_wait(self, acme: Acme, page: str, viewers: dict[str, Client]):
        viewers["bob"].post(f"{page}/rotate", {"grace": "3600"})

        answer = viewers["bob"].post(f"{page}/rotate", {"grace": "3600"})

        assert answer.status_code == 422
        assert "still works" in text_of(answer)

    def test_leaves_old_links_to_the_key_alive(self, acme: Acme, page: str, viewers: dict[str, Client]):
        viewers["bob"].post(f"{page}/rotate", {"grace": "0"})

        assert viewers["bob"].get(page).status_code == 200
        assert viewers["bob"].get(f"/o/acme/logs?key={acme.bob_key.key.hash}").status_code == 200


class TestAFormerSecret:
    def test_is_shown_with_its_last_use_and_can_be_ended(
        self, acme: Acme, page: str, viewers: dict[str, Client]
    ):
        viewers["bob"].post(f"{page}/rotate", {"grace": "3600"})
        end = f"/o/acme/w/production/keys/{present_hash(acme)}/secrets/{acme.bob_key.key.hash}/end"
        shown = text_of(viewers["bob"].get(page))

        answer = viewers["bob"].post(end, follow=True)

        assert acme.bob_key.key.label in shown
        assert "works until" in shown
        assert "Last used: never" in shown
        assert end in shown
        assert end not in text_of(answer)
        with tenant(acme.organization.pk):
            assert not FormerSecret.objects.filter(key=acme.bob_key.key).working().exists()

    def test_is_not_ended_by_others(self, acme: Acme, page: str, viewers: dict[str, Client]):
        viewers["bob"].post(f"{page}/rotate", {"grace": "3600"})

        for who in ("carol", "mallory"):
            end = f"{page}/secrets/{acme.bob_key.key.hash}/end"
            assert viewers[who].post(end).status_code == 404
        with tenant(acme.organization.pk):
            assert FormerSecret.objects.filter(key=acme.bob_key.key).working().exists()
