"""The pages of destinations: choosing, trying, adding, changing, switching and deleting one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from accounts import privacy
from accounts.models import Revision
from config.lib.environment import environment
from config.lib.scoping import tenant
from observability.destination_config import whole_config
from observability.destinations import DESTINATIONS
from observability.models import Destination
from tests.browser.quality import queries_of
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of
from tests.observability.dashboard.test_log_contents import make_administrator
from tests.observability.destination_kinds import NEW, a_destination, use_mailbox
from tests.observability.receiver import receiving
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PLACE = "/o/acme/w/production/destinations"
ADD = f"{PLACE}/new/otel-collector"
SECRET = "sk-AnotherOne-OfTheFormKind-XyZ1"  # of a test
TYPED: dict[str, Any] = {
    "name": "Ours",
    "is_enabled": "on",
    "config_endpoint": "https://192.0.2.1/in",
    "config_apiKey": SECRET,
    "sampling_rate": "25",
    "whose": "all",
    "regions": ["global", "europe"],
    "metadata_groups": ["cost"],
    "rules_on": "1",
}


@pytest.fixture(autouse=True)
def mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that needs no vendor."""
    use_mailbox(monkeypatch)


@pytest.fixture
def open_house(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections to this machine are allowed."""
    monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.1/32")
    environment.cache_clear()
    yield
    monkeypatch.undo()
    environment.cache_clear()


def only(acme: Acme) -> Destination:
    """The one destination of production."""
    with tenant(acme.organization.pk):
        return Destination.objects.for_workspace(acme.production).live().get()


def made(acme: Acme, **settings: Any) -> Destination:
    """A destination of production."""
    with tenant(acme.organization.pk):
        return a_destination(acme.production, **settings)


def is_broadcast(acme: Acme) -> bool:
    """Whether production tells its destinations."""
    with tenant(acme.organization.pk):
        return (
            Workspace.objects.for_organization(acme.organization).get(slug="production").is_broadcast_enabled
        )


def page_of(destination: Destination, name: str = "") -> str:
    return f"{PLACE}/{destination.public_id}{name}"


class TestTheGallery:
    def test_has_every_kind(self, acme: Acme, viewers: dict[str, Client]) -> None:
        shown = text_of(viewers["alice"].get(f"{PLACE}/new"))

        missing = {slug for slug in DESTINATIONS if f'href="{PLACE}/new/{slug}"' not in shown}
        assert missing == set()

    def test_is_the_page_of_a_workspace_that_has_none(self, acme: Acme, viewers: dict[str, Client]) -> None:
        assert f'href="{PLACE}/new/langfuse"' in text_of(viewers["alice"].get(PLACE))

    @pytest.mark.parametrize("slug", sorted(DESTINATIONS))
    def test_leads_to_a_form_of_what_the_kind_declares(
        self, slug: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        shown = text_of(viewers["alice"].get(f"{PLACE}/new/{slug}"))

        kind = DESTINATIONS[slug]
        names = {field.name for field in kind.all_fields} - kind.made_here
        assert {name for name in names if f'name="config_{name}"' not in shown} == set()

    def test_has_nothing_else(self, acme: Acme, viewers: dict[str, Client]) -> None:
        assert viewers["alice"].get(f"{PLACE}/new/pigeon").status_code == 404


class TestAddingADestination:
    def test_keeps_what_was_typed_and_seals_the_secret(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(ADD, TYPED)

        row = only(acme)
        assert answer["Location"] == page_of(row)
        assert (row.sampling_rate, row.regions, row.metadata_groups) == (0.25, ["global", "europe"], ["cost"])
        assert (row.api_key_ids, row.filter_rules, row.is_enabled) == (None, None, True)
        assert whole_config(row)["apiKey"] == SECRET
        assert SECRET not in str(row.config)

    def test_is_recorded_as_done_here(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(ADD, TYPED)

        with tenant(acme.organization.pk):
            last = Revision.objects.for_organization(acme.organization).order_by("-pk")[0]
        assert (last.object_type, last.door) == ("destination", "dashboard")

    def test_says_at_the_field_what_the_kind_will_not_have(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(ADD, TYPED | {"config_apiKey": "", "name": "Kept as typed"})

        assert answer.status_code == 422
        assert "This field is required." in text_of(answer)
        assert 'value="Kept as typed"' in text_of(answer)

    def test_takes_headers_one_a_line(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(ADD, TYPED | {"config_headers": "X-Team: payments\n\nX-Zone: a:b"})

        assert whole_config(only(acme))["headers"] == {"X-Team": "payments", "X-Zone": "a:b"}

    def test_refuses_headers_that_are_none(self, acme: Acme, viewers: dict[str, Client]) -> None:
        for text in ("X-Team", "Host: elsewhere"):
            assert viewers["alice"].post(ADD, TYPED | {"config_headers": text}).status_code == 422

    def test_is_told_of_chosen_keys_only(self, acme: Acme, viewers: dict[str, Client]) -> None:
        key = acme.bob_key.key

        viewers["alice"].post(ADD, TYPED | {"whose": "some", "keys": [key.hash]})

        assert only(acme).api_key_ids == [key.pk]

    def test_needs_a_key_where_some_are_to_be_chosen(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(ADD, TYPED | {"whose": "some"})

        assert "Choose at least one key." in text_of(answer)

    def test_of_a_sixth_of_a_kind_is_refused(self, acme: Acme, viewers: dict[str, Client]) -> None:
        for _ in range(5):
            made(acme)

        answer = viewers["alice"].post(ADD, TYPED)

        assert answer.status_code == 422
        assert "has 5 destinations of this type already" in text_of(answer)

    def test_without_privacy_mode_is_refused_where_the_account_forbids_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, by=STAGE, is_io_logging_allowed=False)

        answer = viewers["alice"].post(ADD, TYPED)

        assert "The account's privacy settings keep prompts" in text_of(answer)

    def test_everywhere_is_for_administrators_of_the_organization(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_administrator(acme.carol, acme.production)

        viewers["carol"].post(ADD, TYPED | {"is_everywhere": "on"})

        assert only(acme).is_everywhere is False

    @pytest.mark.parametrize("value", ["0", "101", "x", "NaN", ""])
    def test_refuses_a_share_that_is_none(self, value: str, acme: Acme, viewers: dict[str, Client]) -> None:
        assert viewers["alice"].post(ADD, TYPED | {"sampling_rate": value}).status_code == 422


class TestFilterRules:
    RULES = {
        "group_logic": ["and"],
        "rule_group": ["0", "0"],
        "rule_field": ["model", "total_cost"],
        "rule_operator": ["contains", "gte"],
        "rule_value": ["mini", "0.5"],
    }

    def test_are_kept_as_the_api_keeps_them(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(ADD, TYPED | self.RULES)

        assert only(acme).filter_rules == {
            "enabled": True,
            "groups": [
                {
                    "logic": "and",
                    "rules": [
                        {"field": "model", "operator": "contains", "value": "mini"},
                        {"field": "total_cost", "operator": "gte", "value": 0.5},
                    ],
                }
            ],
        }

    def test_are_shown_again(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(ADD, TYPED | self.RULES)

        shown = text_of(viewers["alice"].get(page_of(only(acme), "/settings")))

        assert 'value="mini"' in shown
        assert '<option value="gte" selected>is at least</option>' in shown

    def test_get_another_row_by_a_button_and_nothing_is_kept_yet(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(ADD, TYPED | self.RULES | {"do": "add_rule:0", "name": ""})

        assert answer.status_code == 200
        assert text_of(answer).count('name="rule_field"') == 3
        assert "This field is required." not in text_of(answer)
        with tenant(acme.organization.pk):
            assert not Destination.objects.for_workspace(acme.production).exists()

    def test_lose_a_row_by_a_button(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(ADD, TYPED | self.RULES | {"do": "remove_rule:0"})

        assert 'value="mini"' not in text_of(answer)
        assert 'value="0.5"' in text_of(answer)

    def test_that_are_wrong_are_named(self, acme: Acme, viewers: dict[str, Client]) -> None:
        wrong = self.RULES | {"rule_operator": ["regex", "gte"], "rule_value": ["(?=x)", "0.5"]}

        answer = viewers["alice"].post(ADD, TYPED | wrong)

        assert answer.status_code == 422
        assert "Is no regular expression of RE2." in text_of(answer)

    @pytest.mark.parametrize(
        "change",
        [
            {"rule_group": ["9", "x"]},
            {"rule_field": ["\x00", "model"]},
            {"rule_value": ["\x00", "\x00"]},
            {"do": "remove_group:99"},
            {"do": "add_rule:99999999"},
            {"group_logic": ["xor"]},
            {"group_logic": ["and"] * 30, "rule_group": ["29", "29"]},
        ],
        ids=str,
    )
    def test_of_any_kind_break_nothing(
        self, change: dict[str, Any], acme: Acme, viewers: dict[str, Client]
    ) -> None:
        assert viewers["alice"].post(ADD, TYPED | self.RULES | change).status_code in (200, 302, 422)


class TestTryingAConnection:
    def test_says_that_it_works_and_keeps_nothing(
        self, acme: Acme, viewers: dict[str, Client], open_house: None
    ) -> None:
        with receiving() as vendor:
            typed = TYPED | {"config_endpoint": f"{vendor.url}/in", "do": "test"}
            answer = viewers["alice"].post(ADD, typed)

        assert "The connection works." in text_of(answer)
        assert [request[2]["X-Api-Key"] for request in vendor.requests] == [SECRET]
        with tenant(acme.organization.pk):
            assert not Destination.objects.for_workspace(acme.production).exists()

    def test_says_what_failed(self, acme: Acme, viewers: dict[str, Client], open_house: None) -> None:
        with receiving() as vendor:
            typed = TYPED | {"config_endpoint": f"{vendor.url}/refused", "do": "test"}
            answer = viewers["alice"].post(ADD, typed)

        assert "HTTP 401" in text_of(answer)

    def test_names_only_what_is_wrong_with_the_connection(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(ADD, {"do": "test", "config_endpoint": "https://192.0.2.1/"})

        assert text_of(answer).count("This field is required.") == 1

    def test_of_one_that_is_kept_uses_its_secret(
        self, acme: Acme, viewers: dict[str, Client], open_house: None
    ) -> None:
        with receiving() as vendor:
            viewers["alice"].post(ADD, TYPED | {"config_endpoint": f"{vendor.url}/in"})
            answer = viewers["alice"].post(page_of(only(acme), "/test"))

        assert "The connection works." in text_of(answer)
        assert vendor.requests[-1][2]["X-Api-Key"] == SECRET


class TestChangingADestination:
    def test_shows_a_secret_masked(self, acme: Acme, viewers: dict[str, Client]) -> None:
        shown = text_of(viewers["alice"].get(page_of(made(acme), "/settings")))

        assert "sk-N...AbCd" in shown
        assert NEW["config"]["apiKey"] not in shown

    def test_leaves_a_secret_that_stays_masked(self, acme: Acme, viewers: dict[str, Client]) -> None:
        destination = made(acme)

        viewers["alice"].post(
            page_of(destination, "/settings"), TYPED | {"config_apiKey": "sk-N...AbCd", "name": "Renamed"}
        )

        assert only(acme).name == "Renamed"
        assert whole_config(only(acme))["apiKey"] == NEW["config"]["apiKey"]

    def test_demands_the_secret_again_when_the_address_changes(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        typed = TYPED | {"config_endpoint": "https://192.0.2.9/", "config_apiKey": "sk-N...AbCd"}

        answer = viewers["alice"].post(page_of(made(acme), "/settings"), typed)

        assert answer.status_code == 422
        assert "Must be given again, because “Endpoint” changes." in text_of(answer)

    def test_takes_an_optional_secret_away_that_was_emptied(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        viewers["alice"].post(ADD, TYPED | {"config_password": "sk-Optional-Secret-1234"})

        viewers["alice"].post(
            page_of(only(acme), "/settings"), TYPED | {"config_apiKey": "sk-A...XyZ1", "config_password": ""}
        )

        assert "password" not in whole_config(only(acme))

    def test_of_a_copy_is_done_at_its_source(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made(acme, is_everywhere=True)
        with tenant(acme.organization.pk):
            copy = Destination.objects.for_workspace(acme.research).live().get()
        page = f"/o/acme/w/research/destinations/{copy.public_id}/settings"

        shown, answer = viewers["alice"].get(page), viewers["alice"].post(page, TYPED)

        assert "This destination follows" in text_of(shown)
        assert answer.status_code == 422

    def test_that_is_everywhere_is_not_for_administrators_of_one_workspace(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        destination = made(acme, is_everywhere=True)
        make_administrator(acme.carol, acme.production)

        answers = {
            name: viewers["carol"].post(page_of(destination, name), TYPED).status_code
            for name in ("/settings", "/disable", "/delete", "/detach")
        }

        assert set(answers.values()) == {403}
        assert viewers["carol"].get(page_of(destination)).status_code == 200


class TestSwitching:
    def test_a_destination_off_and_on(self, acme: Acme, viewers: dict[str, Client]) -> None:
        destination = made(acme)

        viewers["alice"].post(page_of(destination, "/disable"))
        was_off = not only(acme).is_enabled
        viewers["alice"].post(page_of(destination, "/enable"))

        assert was_off
        assert only(acme).is_enabled

    def test_broadcast_on_and_off(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made(acme)

        viewers["alice"].post(f"{PLACE}/broadcast", {"is_on": "1"})
        was_on = is_broadcast(acme)
        viewers["alice"].post(f"{PLACE}/broadcast")

        assert was_on
        assert not is_broadcast(acme)


class TestDeleting:
    def test_needs_the_name(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(page_of(made(acme), "/delete"), {"name": "Theirs"})

        assert answer.status_code == 422
        assert only(acme)

    def test_wipes_the_secrets(self, acme: Acme, viewers: dict[str, Client]) -> None:
        destination = made(acme)

        answer = viewers["alice"].post(page_of(destination, "/delete"), {"name": "Ours"})

        assert answer["Location"] == PLACE
        with tenant(acme.organization.pk):
            gone = Destination.objects.for_workspace(acme.production).get(pk=destination.pk)
        assert gone.deleted_at
        assert gone.sealed_secrets == ""
        assert viewers["alice"].get(page_of(destination)).status_code == 404


class TestDetaching:
    def test_lets_a_copy_stand_for_itself(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made(acme, is_everywhere=True)
        with tenant(acme.organization.pk):
            copy = Destination.objects.for_workspace(acme.research).live().get()

        viewers["alice"].post(f"/o/acme/w/research/destinations/{copy.public_id}/detach")

        with tenant(acme.organization.pk):
            assert Destination.objects.for_workspace(acme.research).live().get().source_id is None


class TestTheList:
    def test_asks_the_database_as_often_for_five_as_for_one(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        made(acme)
        for_one = len(queries_of(viewers["alice"], PLACE))
        for _ in range(4):
            made(acme)

        assert len(queries_of(viewers["alice"], PLACE)) == for_one
        assert text_of(viewers["alice"].get(PLACE)).count("row-link") == 5
