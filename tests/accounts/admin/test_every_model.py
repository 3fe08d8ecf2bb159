"""Every model that organization administrators see: nothing of another organization in lists, filters, selects,
autocomplete, actions or posted ids.

Generated from what is registered and from tests/accounts/admin/test_tenancy.py, so that a new model is asked here too.
"""

from __future__ import annotations

import json
import re

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.urls import reverse

from config.lib.scoping import unscoped
from tests.accounts.admin.test_tenancy import WRITTEN_BY_THE_DATA_PLANE, Objects
from tests.admin_pages import autocomplete, page, text_of

pytestmark = pytest.mark.full

UNKNOWN = 999_999_999


def models_of_administrators():
    """The models as parameters; what only the owner role writes must be committed to be seen."""
    committed = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    for model, shown in admin.site._registry.items():
        if getattr(shown, "administrators_may", None):
            marks = committed if model in WRITTEN_BY_THE_DATA_PLANE else pytest.mark.django_db
            yield pytest.param(model, marks=marks, id=model.__name__)


def model_has_foreign_key(model):
    """Whether the model has a foreign key of a name; entries of list_filter may also be classes and paths."""
    names = {field.name for field in model._meta.fields if isinstance(field, models.ForeignKey)}
    return lambda entry: isinstance(entry, str) and entry in names


def foreign_row(objects, model):
    """The key of a row of acme's, of any model that a foreign key may name."""
    return objects.acme.organization.pk if model._meta.model_name == "organization" else objects.key_of(model)


@pytest.fixture
def objects(cast):
    """An object of acme of every kind."""
    return Objects(cast)


@pytest.mark.parametrize("model", list(models_of_administrators()))
class TestMallory:
    def test_finds_no_object_of_acme_in_the_list(self, doors, objects, model):
        key = objects.key_of(model)

        text = text_of(doors["mallory"].get(page(model, "changelist")))

        assert page(model, "change", key) not in text

    def test_finds_nothing_of_acme_by_any_filter_of_the_list(self, doors, objects, model):
        key = objects.key_of(model)
        shown = admin.site._registry[model]

        for name in filter(model_has_foreign_key(model), shown.list_filter):
            foreign = foreign_row(objects, model._meta.get_field(name).remote_field.model)
            answer = doors["mallory"].get(page(model, "changelist"), {f"{name}__id__exact": foreign})
            assert page(model, "change", key) not in answer.content.decode()

    @pytest.mark.parametrize("name", ["change", "delete", "history"])
    def test_cannot_tell_its_pages_from_those_of_an_unknown_one(self, doors, objects, model, name):
        key = objects.key_of(model)
        unknown = UNKNOWN if isinstance(model._meta.pk, models.IntegerField) else "0" * 32

        for method in ("get", "post"):
            ask = getattr(doors["mallory"], method)
            foreign, nobody = (ask(page(model, name, pk)) for pk in (key, unknown))
            assert (foreign.status_code, foreign.content) == (nobody.status_code, nobody.content)
            assert foreign.status_code in (403, 404)

    def test_is_completed_with_nothing_of_acme(self, doors, objects, model):
        for field in model._meta.fields:
            if isinstance(field, models.ForeignKey) and admin.site.is_registered(field.remote_field.model):
                foreign = str(foreign_row(objects, field.remote_field.model))
                answer = doors["mallory"].get(autocomplete(model, field.name))
                if answer.status_code == 200:
                    ids = {row["id"] for row in json.loads(answer.content)["results"]}
                    assert foreign not in ids, field.name

    def test_cannot_choose_or_post_a_row_of_acme(self, doors, objects, model):
        form_page = page(model, "add")
        form = doors["mallory"].get(form_page)
        if form.status_code != 200:
            assert form.status_code == 403
            return

        fields = form.context["adminform"].form.fields
        for field in model._meta.fields:
            if not isinstance(field, models.ForeignKey) or field.name not in fields:
                continue
            foreign = foreign_row(objects, field.remote_field.model)
            select = re.search(rf'<select name="{field.name}".*?</select>', text_of(form), re.DOTALL)
            options = re.findall(r'<option value="(\d+)"', select.group() if select else "")
            assert str(foreign) not in options, field.name
            posted = doors["mallory"].post(form_page, {field.name: foreign})
            assert field.name in posted.context["adminform"].form.errors

    def test_cannot_act_on_a_row_of_acme(self, doors, objects, model, rf):
        key = objects.key_of(model)
        with unscoped(reason="the test looks at a row of another tenant"):
            before = model._default_manager.filter(pk=key).values().get()
        mallory = doors["mallory"]
        page_of_list = mallory.get(page(model, "changelist"))
        offered = page_of_list.context.get("action_form")
        actions = [name for name, _ in offered.fields["action"].choices] if offered else []

        for action in filter(None, actions):
            mallory.post(
                page(model, "changelist"),
                {"action": action, ACTION_CHECKBOX_NAME: [key], "post": "yes", "index": "0"},
            )

        with unscoped(reason="the test looks at a row of another tenant"):
            assert model._default_manager.filter(pk=key).values().get() == before


class TestTheJumpList:
    def test_of_the_admin_finds_nothing_of_acme(self, doors, cast):
        answer = doors["mallory"].get(reverse("admin:search"), {"s": "production"})

        assert answer.status_code in (200, 404)
        if answer.status_code == 200:
            assert "production system key" not in text_of(answer)
