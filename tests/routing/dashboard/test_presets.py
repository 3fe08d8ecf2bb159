"""The pages of a workspace's presets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from accounts.models import Revision
from config.lib.scoping import tenant
from routing import presets
from routing.models import Preset
from routing.preset_config import Content
from tests.browser.quality import queries_of
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db

PRESETS = "/o/acme/w/default/presets"
NEW = {"look": "fields", "slug": "support", "system_prompt": "Be kind.", "model": "a/b", "others": ""}
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]


def create(client: Client, **changes: str) -> HttpResponseBase:
    """Send the editor's form for a new preset."""
    return client.post(f"{PRESETS}/new", NEW | changes)


def make(acme: Acme, slug: str = "support", prompt: str | None = None, **config: Any) -> Preset:
    """A preset, or another version of it."""
    with tenant(acme.organization.pk):
        content = Content(config, prompt)
        return presets.save_version(workspace=acme.default, slug=slug, content=content, by=STAGE)


def page_of(preset: Preset, rest: str = "") -> str:
    """A page about the preset."""
    return f"{PRESETS}/{preset.public_id}{rest}"


def saved(acme: Acme, slug: str = "support") -> Preset:
    """The preset as the database has it."""
    with tenant(acme.organization.pk):
        rows = presets.presets_of(acme.default).select_related("designated_version")
        return rows.get(slug=slug)


def config_of(preset: Preset) -> dict[str, Any]:
    """What requests get of it."""
    assert preset.designated_version is not None
    return preset.designated_version.config


class TestCreatingAPreset:
    def test_keeps_what_the_fields_say_as_the_request_would_say_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        create(
            viewers["bob"],
            models="c/d\ne/f",
            temperature="0.5",
            reasoning__effort="low",
            provider__sort="price",
            cache_enabled="true",
        )

        preset = saved(acme)
        assert config_of(preset) == {
            "model": "a/b",
            "models": ["c/d", "e/f"],
            "temperature": 0.5,
            "reasoning": {"effort": "low"},
            "provider": {"sort": "price"},
            "cache_enabled": True,
        }
        assert preset.designated_version is not None
        assert preset.designated_version.system_prompt == "Be kind."

    def test_puts_fields_and_json_together(self, acme: Acme, viewers: dict[str, Client]) -> None:
        others = {"tools": TOOLS, "provider": {"require_parameters": True}}

        create(viewers["alice"], provider__sort="price", others=json.dumps(others))

        assert config_of(saved(acme)) == {
            "model": "a/b",
            "tools": TOOLS,
            "provider": {"require_parameters": True, "sort": "price"},
        }

    def test_takes_all_of_it_as_json(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"], look="json", parameters='{"temperature": 1, "stop": ["\\n"]}')

        assert config_of(saved(acme)) == {"temperature": 1, "stop": ["\n"]}

    def test_is_recorded_as_done_at_the_dashboard(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["bob"])

        with tenant(acme.organization.pk):
            revision = Revision.objects.for_organization(acme.organization).order_by("-pk")[0]
        assert (revision.door, revision.object_type, revision.user_id) == (
            "dashboard",
            "preset",
            acme.bob.user_id,
        )

    def test_never_changes_one_that_has_the_slug(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make(acme, model="x/y")

        answer = create(viewers["alice"])

        assert answer.status_code == 422
        assert "This workspace has a preset “support” already." in text_of(answer)
        assert config_of(saved(acme)) == {"model": "x/y"}

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"temperature": "9"}, "Must be a number from 0 to 2."),
            ({"others": '{"top_k": "many"}'}, "'top_k' must be a number."),
            ({"others": '{"temprature": 1}'}, "'temprature' is no parameter of a preset."),
            ({"others": '{"model": "c/d"}'}, "“model” has a field of its own, which is filled in."),
            ({"others": '{"a": 1, "a": 2}'}, "a: appears twice in one object."),
            ({"others": "[]"}, "This must be a JSON object"),
            ({"look": "json", "parameters": '{"a": "\\u0000"}'}, "must not contain NUL"),
            ({"look": "json", "parameters": "[" * 100_000}, "nested more than"),
            ({"slug": "no spaces please"}, "Up to 100 letters"),
            ({"model": "@preset/other"}, "must not name a preset"),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_loses_nothing(
        self, changes: dict[str, str], fault: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = create(viewers["alice"], **changes)

        assert answer.status_code == 422
        assert fault in text_of(answer)
        assert "Be kind." in text_of(answer)
        with tenant(acme.organization.pk):
            assert not presets.presets_of(acme.default).exists()


class TestTheTwoLooksOfTheEditor:
    def test_turn_fields_into_json_without_saving(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = create(viewers["alice"], go="json", temperature="0.5", others='{"seed": 7}')

        assert answer.context["form"]["parameters"].value() == json.dumps(
            {"seed": 7, "model": "a/b", "temperature": 0.5}, indent=2
        )
        with tenant(acme.organization.pk):
            assert not presets.presets_of(acme.default).exists()

    def test_turn_json_into_fields_and_leave_the_rest_as_json(self, viewers: dict[str, Client]) -> None:
        config = {
            "model": "a/b",
            "temperature": 0.5,
            "stop": ["\n"],
            "provider": {"sort": {"by": "price"}, "only": ["openai"]},
        }

        answer = create(viewers["alice"], look="json", go="fields", parameters=json.dumps(config))

        form = answer.context["form"]
        assert (form["model"].value(), form["temperature"].value()) == ("a/b", 0.5)
        assert form["provider__only"].value() == "openai"
        assert json.loads(form["others"].value()) == {
            "stop": ["\n"],
            "provider": {"sort": {"by": "price"}},
        }

    def test_keep_what_was_typed_when_it_cannot_be_turned(self, viewers: dict[str, Client]) -> None:
        answer = create(viewers["alice"], look="json", go="fields", parameters='{"model": ')

        assert answer.status_code == 422
        assert '{"model": ' in text_of(answer)


class TestSaving:
    def test_makes_a_version_that_requests_get(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme, model="a/b", tools=TOOLS)
        others = json.dumps({"tools": TOOLS})

        viewers["bob"].post(page_of(preset), {"look": "fields", "model": "c/d", "others": others})

        changed = saved(acme)
        assert config_of(changed) == {"model": "c/d", "tools": TOOLS}
        assert changed.designated_version is not None
        assert changed.designated_version.number == 2

    def test_makes_none_where_nothing_was_changed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme, prompt="One\nTwo", model="a/b", temperature=1)
        typed = {"look": "fields", "model": "a/b", "temperature": "1.0", "system_prompt": "One\r\nTwo"}

        answer = viewers["alice"].post(page_of(preset), typed, follow=True)

        assert "Nothing was changed" in text_of(answer)
        changed = saved(acme)
        assert changed.designated_version_id == preset.designated_version_id

    def test_is_refused_while_it_is_archived(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme, model="a/b")
        with tenant(acme.organization.pk):
            presets.change(preset=preset, status="archived", by=STAGE)

        answer = viewers["alice"].post(page_of(preset), {"look": "json", "parameters": "{}"})

        assert answer.status_code == 422
        assert "make it active before you change it" in text_of(answer)

    def test_begins_with_a_former_version_where_the_address_names_one(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make(acme, model="old/one")
        preset = make(acme, model="new/one")

        answer = viewers["alice"].get(page_of(preset, "?version=1"))

        assert answer.context["form"]["model"].value() == "old/one"
        assert viewers["alice"].get(page_of(preset, "?version=3")).status_code == 404


class TestVersions:
    def test_say_what_each_of_them_changed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make(acme, model="a/b", seed=1)
        preset = make(acme, prompt="Be kind.", model="a/b")

        lines = viewers["bob"].get(page_of(preset, "/versions")).context["lines"]

        assert [(line.version.number, line.changed) for line in lines] == [
            (2, ["seed", "system_prompt"]),
            (1, ["model", "seed"]),
        ]

    def test_are_compared_line_by_line(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make(acme, prompt="One\nTwo\nThree")
        make(acme, prompt="One\n2\nThree", model="a/b")
        preset = make(acme, prompt="One\n2\nThree", model="c/d")

        changes = viewers["bob"].get(page_of(preset, "/versions/compare?from=1&to=3")).context["changes"]

        assert [(change.name, change.what) for change in changes] == [
            ("model", "added"),
            ("system_prompt", "changed"),
        ]
        assert [(line.kind, line.text) for line in changes[1].lines] == [
            ("same", "One"),
            ("went", "Two"),
            ("came", "2"),
            ("same", "Three"),
        ]

    def test_are_compared_with_the_one_before_unless_told(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make(acme, model="a/b")
        preset = make(acme, model="c/d")

        chosen = viewers["bob"].get(page_of(preset, "/versions/compare")).context["chosen"]

        assert chosen == {"from": "1", "to": "2"}

    def test_can_be_rolled_back_to(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make(acme, model="old/one")
        preset = make(acme, model="new/one")

        viewers["bob"].post(page_of(preset, "/versions/1/use"))

        assert config_of(saved(acme)) == {"model": "old/one"}

    @pytest.mark.parametrize("number", ["0", "3", "01", "9999999999", "x"])
    def test_that_are_none_are_not_found(self, number: str, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme)

        answer = viewers["alice"].get(page_of(preset, f"/versions/compare?from={number}"))

        assert answer.status_code == 404


class TestTheList:
    def test_names_how_requests_refer_to_each(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make(acme, model="a/b")

        assert "@preset/support" in text_of(viewers["bob"].get(PRESETS))

    def test_is_narrowed_and_sorted_by_its_address(self, acme: Acme, viewers: dict[str, Client]) -> None:
        for slug in ("beta", "alpha", "gamma"):
            make(acme, slug)
        with tenant(acme.organization.pk):
            presets.change(preset=saved(acme, "gamma"), status="disabled", by=STAGE)

        def slugs(query: str) -> list[str]:
            return [preset.slug for preset in viewers["bob"].get(f"{PRESETS}?{query}").context["presets"]]

        assert slugs("sort=slug") == ["alpha", "beta", "gamma"]
        assert slugs("sort=-slug&status=active") == ["beta", "alpha"]
        assert slugs("q=GAM%00") == ["gamma"]

    def test_asks_the_same_however_long_it_is(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make(acme, "one")
        few = len(queries_of(viewers["bob"], PRESETS))

        for number in range(10):
            make(acme, f"preset-{number}", model="a/b")

        assert len(queries_of(viewers["bob"], PRESETS)) == few <= 12

    def test_teaches_when_it_is_empty(self, viewers: dict[str, Client]) -> None:
        assert "Create the first preset" in text_of(viewers["bob"].get(PRESETS))


class TestOtherChanges:
    def test_turn_it_off_and_on(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme)

        viewers["bob"].post(page_of(preset, "/disable"))
        assert saved(acme).status == "disabled"

        viewers["bob"].post(page_of(preset, "/enable"))
        assert saved(acme).status == "active"

    def test_rename_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme)
        details = {"name": "Support", "description": "", "status": "archived"}

        viewers["bob"].post(page_of(preset, "/details"), details)

        changed = saved(acme)
        assert (changed.name, changed.description, changed.status) == ("Support", None, "archived")

    def test_delete_it_once_its_slug_is_typed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme)

        assert viewers["bob"].post(page_of(preset, "/delete"), {"name": "suport"}).status_code == 422
        viewers["bob"].post(page_of(preset, "/delete"), {"name": "support"})

        with tenant(acme.organization.pk):
            assert not presets.presets_of(acme.default).exists()

    def test_show_a_request_that_refers_to_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        preset = make(acme)

        answer = text_of(viewers["bob"].get(page_of(preset, "/try")))

        assert '"model": "@preset/support"' in answer
        assert "$HEADGATE_API_KEY" in answer
