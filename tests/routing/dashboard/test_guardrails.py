"""The pages of a workspace's guardrails: the list, the editor with its preview and its test, who is held."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Revision
from config.lib.scoping import tenant
from config.lib.subjects import api_key_subject
from routing import explanations, guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from tests.browser.quality import MOST_QUERIES, queries_of
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import HTMX, text_of
from tests.routing.gateway.stage import furnish
from workspaces.models import Purse, WorkspaceMember

pytestmark = pytest.mark.django_db

GUARDRAILS = "/o/acme/w/production/guardrails"
NEW = {"name": "interns", "description": "", "limit_usd": "", "limit_interval": ""}


@pytest.fixture(autouse=True)
def catalog(cast: Cast) -> None:
    """The stage's catalog."""
    furnish("http://127.0.0.1:9")
    explanations.catalog.forget()


@pytest.fixture
def alice(viewers: dict[str, Client]) -> Client:
    return viewers["alice"]


@pytest.fixture
def guardrail(acme: Acme) -> Guardrail:
    """A guardrail of production that restricts nothing."""
    return make(acme, "interns")


def make(acme: Acme, name: str, **settings: Any) -> Guardrail:
    """A guardrail of production."""
    with tenant(acme.organization.pk):
        return guardrail_settings.create(workspace=acme.production, name=name, by=STAGE, **settings)


def stored(acme: Acme) -> list[Guardrail]:
    """The guardrails of production, the default first."""
    with tenant(acme.organization.pk):
        return list(Guardrail.objects.for_workspace(acme.production).in_order())


def create(client: Client, **changes: Any) -> Any:
    """Send the form of a new guardrail."""
    return client.post(f"{GUARDRAILS}/new", NEW | changes)


def look(client: Client, part: str, **changes: Any) -> str:
    """What htmx gets for a part of the editor."""
    answer = client.post(f"{GUARDRAILS}/new", NEW | {"look": part} | changes, headers=HTMX)
    assert answer.status_code == 200
    return text_of(answer)


class TestTheList:
    def test_begins_with_the_default_which_is_there_before_it_is_written(self, alice: Client) -> None:
        answer = text_of(alice.get(GUARDRAILS))

        assert "Workspace default" in answer
        assert "whoever sends it" in answer
        assert "Restricts nothing." in answer

    def test_teaches_where_there_are_no_others(self, alice: Client) -> None:
        assert "No other guardrails yet" in text_of(alice.get(GUARDRAILS))

    def test_says_in_words_what_each_restricts(self, acme: Acme, alice: Client) -> None:
        make(
            acme,
            "strict",
            allowed_models=["a/b", "a/c", "a/d", "a/e"],
            ignored_providers=["beta"],
            enforce_zdr_openai=True,
            enable_free_model_training=False,
            limit_nano=10**10,
            limit_interval="d",
            content_filter_builtins=[{"slug": "email", "action": "redact"}],
            content_filters=[{"pattern": "x", "action": "block", "label": None}],
        )

        row = alice.get(GUARDRAILS).context["rows"][0]

        assert row.restrictions == [
            "Only a/b, a/c, a/d and 1 more",
            "Never by beta",
            "Zero retention for OpenAI",
            "No training, free",
            "Redacts email address",
            "1 own pattern",
        ]

    def test_counts_who_is_held(self, acme: Acme, guardrail: Guardrail, alice: Client) -> None:
        with tenant(acme.organization.pk):
            assign_keys(guardrail=guardrail, keys=[acme.bob_key.key, acme.production_key.key], by=STAGE)
            assign_members(guardrail=guardrail, memberships=[acme.bob], by=STAGE)

        row = alice.get(GUARDRAILS).context["rows"][0]

        assert (row.keys, row.members) == (2, 1)

    def test_shows_who_is_nearest_to_the_budget(self, acme: Acme, alice: Client) -> None:
        limited = make(acme, "limited", limit_nano=10**10, limit_interval="m")
        with tenant(acme.organization.pk):
            assign_keys(guardrail=limited, keys=[acme.bob_key.key, acme.production_key.key], by=STAGE)
            spend(acme, 8 * 10**9)

        answer = alice.get(GUARDRAILS)

        nearest = answer.context["rows"][0].nearest
        assert (nearest.name, nearest.counted_nano) == ("bob's key", 8 * 10**9)
        assert "meter is-near" in text_of(answer)

    def test_shows_it_for_the_default_which_governs_every_key(self, acme: Acme, alice: Client) -> None:
        with tenant(acme.organization.pk):
            default = Guardrail.default_of(acme.production)
            guardrail_settings.change(guardrail=default, by=STAGE, limit_nano=10**10, limit_interval="m")
            spend(acme, 10**9)

        assert alice.get(GUARDRAILS).context["default"].nearest.name == "bob's key"

    def test_finds_by_name_and_sorts(self, acme: Acme, alice: Client) -> None:
        for name in ("b", "a", "other"):
            make(acme, name)

        names = [row.name for row in alice.get(GUARDRAILS, {"sort": "-name"}).context["rows"]]
        found = [row.name for row in alice.get(GUARDRAILS, {"q": "OTH"}).context["rows"]]

        assert (names, found) == (["other", "b", "a"], ["other"])

    def test_asks_as_little_for_many_as_for_one(self, acme: Acme, alice: Client) -> None:
        for number in range(30):
            made = make(acme, f"guardrail {number}", limit_nano=1, limit_interval="d")
        with tenant(acme.organization.pk):
            assign_keys(guardrail=made, keys=[acme.bob_key.key], by=STAGE)
            assign_members(guardrail=made, memberships=[acme.bob], by=STAGE)
        pages = (GUARDRAILS, *(f"{GUARDRAILS}/{made.public_id}{page}" for page in ("", "/keys", "/members")))

        asked = {page: len(queries_of(alice, page)) for page in pages}

        assert max(asked.values()) <= MOST_QUERIES, asked

    def test_names_those_of_no_other_workspace(self, acme: Acme, alice: Client) -> None:
        make(acme, "productions own")

        assert "productions own" not in text_of(alice.get("/o/acme/w/research/guardrails"))


class TestCreatingOne:
    def test_leads_to_who_is_held_to_it(self, acme: Acme, alice: Client) -> None:
        answer = create(alice)

        [made] = stored(acme)
        assert answer["Location"] == f"{GUARDRAILS}/{made.public_id}/keys"

    def test_writes_everything_that_was_chosen(self, acme: Acme, alice: Client) -> None:
        create(
            alice,
            allowed_models=["test/echo", "test/lorem"],
            ignored_providers="beta",
            enforce_zdr_openai="on",
            enable_paid_model_training="on",
            allowed_data_regions=["europe", "us"],
            limit_usd="2.5",
            limit_interval="w",
            builtin_email="redact",
            **{"builtin_regex-prompt-injection": "block", "scope_regex-prompt-injection": "user_only"},
            pattern=["PRJ-\\d+", ""],
            pattern_action=["block", "redact"],
            pattern_label=["project", ""],
            is_filtering_outputs="on",
        )

        [made] = stored(acme)
        assert (made.allowed_models, made.ignored_models) == (["test/echo", "test/lorem"], None)
        assert (made.ignored_providers, made.allowed_providers) == (["beta"], None)
        assert (made.enforce_zdr_openai, made.enforce_zdr_google) == (True, None)
        assert (made.enable_paid_model_training, made.enable_free_model_training) == (False, None)
        assert made.allowed_data_regions == ["europe", "us"]
        assert (made.limit_nano, made.limit_interval) == (2_500_000_000, "w")
        assert made.content_filter_builtins == [
            {"slug": "email", "action": "redact"},
            {"slug": "regex-prompt-injection", "action": "block", "scan_scope": "user_only"},
        ]
        assert made.content_filters == [{"pattern": "PRJ-\\d+", "action": "block", "label": "project"}]
        assert made.is_filtering_outputs

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"name": ""}, "required"),
            ({"name": "a\x00b"}, "Null characters"),
            ({"limit_usd": "5"}, "Say how often the budget starts anew."),
            ({"limit_interval": "d"}, "Give the budget"),
            ({"limit_usd": "1e400", "limit_interval": "d"}, "less than or equal to"),
            ({"allowed_models": ["no slug"]}, "names no model"),
            ({"ignored_models": [f"a/{number}" for number in range(1001)]}, "1 to 1000"),
            ({"pattern": ["(a+)+"], "pattern_action": ["block"]}, "nested quantifiers"),
            ({"pattern": ["(?=a)"], "pattern_action": ["block"]}, "look-ahead"),
            ({"pattern": ["a"], "pattern_action": ["explode"]}, "Choose what happens."),
            ({"pattern": ["a\x00"], "pattern_action": ["block"]}, "null character"),
            ({"builtin_email": "explode"}, "not one of the available choices"),
            ({"builtin_person-name": "block"}, None),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_loses_nothing(
        self, changes: dict[str, Any], said: str | None, acme: Acme, alice: Client
    ) -> None:
        answer = create(alice, **{"description": "kept as typed", **changes})

        if said is None:  # it cannot be turned on here, whatever is sent
            assert [one.content_filter_builtins for one in stored(acme)] == [None]
            return
        assert answer.status_code == 422
        assert said in text_of(answer)
        assert "kept as typed" in text_of(answer)
        assert stored(acme) == []


class TestChangingOne:
    def test_records_only_what_differs(self, acme: Acme, guardrail: Guardrail, alice: Client) -> None:
        alice.post(f"{GUARDRAILS}/{guardrail.public_id}", NEW | {"limit_usd": "3", "limit_interval": "d"})

        with tenant(acme.organization.pk):
            revision = Revision.objects.for_organization(acme.organization).latest("pk")
        before, after = revision.before or {}, revision.after or {}
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == {"limit_nano", "limit_interval", "updated_at"}
        assert revision.door == "dashboard"

    def test_leaves_alone_what_only_the_api_can_say(self, acme: Acme, alice: Client) -> None:
        twice = [
            {"slug": "regex-prompt-injection", "action": "flag", "scan_scope": "user_only"},
            {"slug": "regex-prompt-injection", "action": "block", "scan_scope": "all_messages"},
        ]
        made = make(acme, "interns", content_filter_builtins=twice, enforce_zdr_xai=False, content_filters=[])

        alice.post(
            f"{GUARDRAILS}/{made.public_id}",
            NEW
            | {
                "name": "renamed",
                "builtin_regex-prompt-injection": "block",
                "scope_regex-prompt-injection": "all_messages",
            },
        )

        [now] = stored(acme)
        assert (now.name, now.content_filter_builtins, now.enforce_zdr_xai) == ("renamed", twice, False)

    def test_writes_a_default_that_was_not_written(self, acme: Acme, alice: Client) -> None:
        default = acme.production.default_guardrail_id

        alice.post(f"{GUARDRAILS}/{default}", {"ignored_models": "test/echo"})

        [written] = stored(acme)
        assert (written.is_default, written.ignored_models) == (True, ["test/echo"])

    def test_writes_nothing_where_nothing_differs(self, acme: Acme, alice: Client) -> None:
        alice.post(f"{GUARDRAILS}/{acme.production.default_guardrail_id}", {})

        assert stored(acme) == []

    def test_is_not_found_through_another_workspace(self, guardrail: Guardrail, alice: Client) -> None:
        answer = alice.get(f"/o/acme/w/research/guardrails/{guardrail.public_id}")

        assert answer.status_code == 404

    def test_leads_to_who_changed_it(self, guardrail: Guardrail, alice: Client) -> None:
        answer = text_of(alice.get(f"{GUARDRAILS}/{guardrail.public_id}"))

        assert f"?kind=guardrail&object={guardrail.pk}" in answer


class TestThePreview:
    def test_counts_what_remains_and_says_why_the_rest_falls_out(self, alice: Client) -> None:
        part = look(alice, "preview", allowed_models=["test/echo", "test/lorem"])

        assert "<html" not in part
        assert part.index(">3 <") < part.index("models remain")  # test/echo means its variants, too
        assert "not on the list of models · this guardrail" in part

    def test_reckons_with_the_workspaces_default(self, acme: Acme, alice: Client) -> None:
        with tenant(acme.organization.pk):
            default = Guardrail.default_of(acme.production)
            guardrail_settings.change(guardrail=default, by=STAGE, ignored_providers=["alpha"])

        assert "only providers never to be used · the workspace default" in look(alice, "preview")

    def test_warns_where_nothing_remains(self, alice: Client) -> None:
        assert "Every request would be refused." in look(alice, "preview", allowed_models="nobody/has-it")

    def test_goes_on_with_what_is_valid(self, alice: Client) -> None:
        part = look(alice, "preview", name="", limit_usd="x", ignored_models="test/echo")

        assert "on the list of models never to be used · this guardrail" in part

    def test_writes_nothing(self, acme: Acme, alice: Client) -> None:
        look(alice, "preview", allowed_models="test/echo")

        assert stored(acme) == []

    def test_is_a_whole_page_without_a_script(self, acme: Acme, alice: Client) -> None:
        answer = alice.post(f"{GUARDRAILS}/new", NEW | {"look": "again", "allowed_models_typed": "test/echo"})

        assert answer.status_code == 200
        assert "<html" in text_of(answer)
        assert 'value="test/echo" checked' in text_of(answer)
        assert stored(acme) == []

    def test_has_no_part_that_is_called_otherwise(self, alice: Client) -> None:
        answer = alice.post(f"{GUARDRAILS}/new", NEW | {"look": "x"}, headers=HTMX)

        assert answer.status_code == 404


class TestTheSearchOfTheCatalog:
    def test_offers_what_is_called_so_behind_what_is_chosen(self, alice: Client) -> None:
        part = look(alice, "allowed_models", allowed_models="test/lorem", find_allowed_models="ECHO")

        assert part.index('value="test/lorem" checked') < part.index('value="test/echo"')

    def test_offers_providers(self, alice: Client) -> None:
        assert 'value="gamma"' in look(alice, "ignored_providers", find_ignored_providers="gam")

    def test_offers_what_the_catalog_does_not_know_yet(self, alice: Client) -> None:
        part = look(alice, "ignored_models", find_ignored_models="author/unreleased")

        assert 'value="author/unreleased"' in part

    @pytest.mark.parametrize("sought", ["<script>", "\x00", "a" * 5000])
    def test_offers_nothing_for_what_can_be_no_name(self, sought: str, alice: Client) -> None:
        part = look(alice, "allowed_models", find_allowed_models=sought)

        assert "Nothing in the catalog is called that." in part


class TestTheTestBox:
    def test_shows_what_is_found_and_what_the_model_would_see(self, alice: Client) -> None:
        part = look(alice, "tried", builtin_email="redact", text="Write to a@b.example.")

        assert "Redacted" in part
        assert "Email address" in part
        assert "Write to [EMAIL]." in part

    def test_shows_a_block(self, alice: Client) -> None:
        part = look(
            alice, "tried", pattern="PRJ-\\d+", pattern_action="block", pattern_label="project", text="PRJ-1"
        )

        assert "refused with 403" in part
        assert "project" in part

    def test_says_that_nothing_was_found(self, alice: Client) -> None:
        assert "Nothing was found" in look(alice, "tried", builtin_email="block", text="Hello.")

    def test_escapes_what_was_pasted(self, alice: Client) -> None:
        answer = alice.post(
            f"{GUARDRAILS}/new",
            NEW | {"look": "tried", "builtin_email": "redact", "text": "<b>a@b.example</b>"},
            headers=HTMX,
        )

        assert b"&lt;b&gt;[EMAIL]&lt;/b&gt;" in answer.content

    def test_refuses_what_is_too_much_to_look_at(self, alice: Client) -> None:
        patterns = [f"a[ab]{{{number}}}c" for number in range(300, 400)]

        part = look(alice, "tried", pattern=patterns, pattern_action=["block"] * 100, text="ab" * 49_000)

        assert "too long" in part


class TestTryingPatterns:
    def test_shows_what_each_matches(self, alice: Client) -> None:
        part = look(
            alice,
            "patterns",
            pattern=["PRJ-\\d+", "x{3}"],
            pattern_action=["block", "redact"],
            sample="PRJ-1, PRJ-22 and PRJ-1",
        )

        assert "3 matches" in part
        assert "PRJ-22" in part
        assert "Matches nothing in the text." in part

    def test_says_at_the_pattern_what_is_wrong(self, alice: Client) -> None:
        assert "missing ]" in look(alice, "patterns", pattern="[a", pattern_action="block")

    def test_adds_an_empty_row(self, alice: Client) -> None:
        part = look(alice, "patterns", pattern="a", pattern_action="block")

        assert part.count('name="pattern"') == 2


class TestHoldingKeys:
    def test_holds_and_releases(self, acme: Acme, guardrail: Guardrail, alice: Client) -> None:
        page, key = f"{GUARDRAILS}/{guardrail.public_id}/keys", acme.bob_key.key

        alice.post(page, {"who": key.hash, "action": "hold"})
        held = keys_held(acme, guardrail)
        alice.post(page, {"who": key.hash, "action": "release"})

        assert (held, keys_held(acme, guardrail)) == ([key.pk], [])

    def test_names_the_guardrail_that_a_key_would_leave(
        self, acme: Acme, guardrail: Guardrail, alice: Client
    ) -> None:
        with tenant(acme.organization.pk):
            assign_keys(guardrail=make(acme, "the old one"), keys=[acme.bob_key.key], by=STAGE)

        answer = text_of(alice.get(f"{GUARDRAILS}/{guardrail.public_id}/keys"))

        assert "leaves “the old one”" in answer

    @pytest.mark.parametrize("who", ["", "f" * 64, "%00", "\x00"])
    def test_refuses_whom_it_does_not_know(
        self, who: str, acme: Acme, guardrail: Guardrail, alice: Client
    ) -> None:
        page = f"{GUARDRAILS}/{guardrail.public_id}/keys"

        answer = alice.post(page, {"who": [acme.bob_key.key.hash, who], "action": "hold"})

        assert answer.status_code == 422
        assert keys_held(acme, guardrail) == []

    def test_needs_somebody(self, guardrail: Guardrail, alice: Client) -> None:
        answer = alice.post(f"{GUARDRAILS}/{guardrail.public_id}/keys", {"action": "hold"})

        assert answer.status_code == 422

    def test_knows_no_key_of_another_organization(
        self, cast: Cast, guardrail: Guardrail, alice: Client
    ) -> None:
        page = f"{GUARDRAILS}/{guardrail.public_id}/keys"

        answer = alice.post(page, {"who": cast.globex.default_key.key.hash, "action": "hold"})

        assert answer.status_code == 422

    def test_offers_a_workspaces_own_administrator_the_keys_of_his_workspace_alone(
        self, acme: Acme, guardrail: Guardrail, viewers: dict[str, Client]
    ) -> None:
        promote(acme)
        page = f"{GUARDRAILS}/{guardrail.public_id}/keys"

        answer = viewers["bob"].get(page)
        foreign = viewers["bob"].post(page, {"who": acme.research_key.key.hash, "action": "hold"})

        assert {one.holder.name for one in answer.context["offered"]} == {
            "bob's key",
            "production system key",
        }
        assert foreign.status_code == 422


class TestHoldingMembers:
    def test_holds_and_releases(self, acme: Acme, guardrail: Guardrail, alice: Client) -> None:
        page = f"{GUARDRAILS}/{guardrail.public_id}/members"
        bob = acme.bob.user.public_id

        alice.post(page, {"who": bob, "action": "hold"})
        held = members_held(acme, guardrail)
        alice.post(page, {"who": bob, "action": "release"})

        assert (held, members_held(acme, guardrail)) == ([acme.bob.pk], [])

    def test_is_for_the_organization_to_say(
        self, acme: Acme, guardrail: Guardrail, viewers: dict[str, Client]
    ) -> None:
        promote(acme)
        page = f"{GUARDRAILS}/{guardrail.public_id}/members"

        answers = [
            viewers["bob"].get(page),
            viewers["bob"].post(page, {"who": acme.bob.user.public_id, "action": "hold"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert members_held(acme, guardrail) == []


class TestDeletingOne:
    def test_needs_its_name(self, acme: Acme, guardrail: Guardrail, alice: Client) -> None:
        page = f"{GUARDRAILS}/{guardrail.public_id}/delete"

        wrong = alice.post(page, {"name": "another"})
        still_there = stored(acme)
        alice.post(page, {"name": "interns"})

        assert (wrong.status_code, still_there, stored(acme)) == (422, [guardrail], [])

    def test_of_the_default_lets_it_restrict_nothing(self, acme: Acme, alice: Client) -> None:
        with tenant(acme.organization.pk):
            default = Guardrail.default_of(acme.production)
            guardrail_settings.change(guardrail=default, by=STAGE, ignored_models=["a/b"])

        alice.post(
            f"{GUARDRAILS}/{acme.production.default_guardrail_id}/delete", {"name": "Workspace default"}
        )

        assert stored(acme) == []


def keys_held(acme: Acme, guardrail: Guardrail) -> list[int]:
    with tenant(acme.organization.pk):
        rows = KeyAssignment.objects.for_organization(acme.organization).filter(guardrail=guardrail)
        return list(rows.values_list("api_key_id", flat=True))


def members_held(acme: Acme, guardrail: Guardrail) -> list[int]:
    with tenant(acme.organization.pk):
        rows = MemberAssignment.objects.for_organization(acme.organization).filter(guardrail=guardrail)
        return list(rows.values_list("membership_id", flat=True))


def promote(acme: Acme) -> None:
    """Let bob administer production, as a mapping of groups does."""
    with tenant(acme.organization.pk):
        seats = WorkspaceMember.objects.for_workspace(acme.production).filter(membership=acme.bob)
        seats.update(role=Membership.ADMIN)


def spend(acme: Acme, nano: int) -> None:
    """Let bob's key have spent so much this month."""
    purses = Purse.objects.for_organization(acme.organization)
    purses.filter(subject=api_key_subject(acme.bob_key.key.pk), interval="m").update(spent_nano=nano)
