"""The pages of classifiers: making one with a form or JSON, what it has found, and the way to the log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from config.lib.scoping import tenant
from observability.models import Classification, Classifier, Generation
from tests.browser.quality import queries_of
from tests.cast import Acme
from tests.dashboard_pages import make_generation, text_of
from tests.observability.classifiers import a_classifier

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PLACE = "/o/acme/w/production/classifiers"
TYPED: dict[str, Any] = {
    "name": "Topics",
    "model": "a/b",
    "instructions": "",
    "sampling_rate": "100",
    "is_enabled": "on",
    "whose": "all",
    "dimension_name": ["topic"],
    "dimension_description": ["What it is about"],
    "label_dimension": ["0", "0"],
    "label": ["billing", "other"],
    "label_description": ["Money.", ""],
}
TAXONOMY = [
    {
        "name": "topic",
        "description": "What it is about",
        "labels": [
            {"label": "billing", "description": "Money."},
            {"label": "other", "description": ""},
        ],
    }
]


def only(acme: Acme) -> Classifier:
    """The one classifier of production."""
    with tenant(acme.organization.pk):
        return Classifier.objects.for_workspace(acme.production).live().get()


def made(acme: Acme) -> Classifier:
    """A classifier of production."""
    with tenant(acme.organization.pk):
        return a_classifier(acme.production)


def page_of(classifier: Classifier, name: str = "") -> str:
    return f"{PLACE}/{classifier.public_id}{name}"


def sorted_as(classifier: Classifier, label: str, acme: Acme) -> Generation:
    """A request that got a label."""
    generation = make_generation(acme.bob_key.key)
    Classification.objects.using("owner").unscoped(reason="a test plays the worker").create(
        classifier_id=classifier.pk,
        generation_id=generation.pk,
        organization_id=classifier.organization_id,
        workspace_id=classifier.workspace_id,
        status="done",
        tags={"topic": label},
        cost_nano=1_000,
    )
    return generation


class TestMakingAClassifier:
    def test_takes_the_taxonomy_as_a_form(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(f"{PLACE}/new", TYPED)

        assert answer["Location"] == PLACE
        assert only(acme).taxonomy == TAXONOMY
        assert only(acme).key_id is not None

    def test_takes_it_as_json(self, acme: Acme, viewers: dict[str, Client]) -> None:
        text = json.dumps(TAXONOMY)

        viewers["alice"].post(f"{PLACE}/new", TYPED | {"taxonomy_json": text})

        assert only(acme).taxonomy == TAXONOMY

    def test_changes_between_the_two_and_loses_nothing(self, acme: Acme, viewers: dict[str, Client]) -> None:
        shown = text_of(viewers["alice"].post(f"{PLACE}/new", TYPED | {"do": "as_json"}))
        text = shown.partition('name="taxonomy_json"')[2].partition(">")[2].partition("</textarea>")[0]
        again = text_of(
            viewers["alice"].post(f"{PLACE}/new", TYPED | {"taxonomy_json": text, "do": "as_form"})
        )

        assert '"label": "billing"' in text
        assert 'name="label" value="billing"' in again

    def test_gets_another_row_by_a_button(self, acme: Acme, viewers: dict[str, Client]) -> None:
        counts = {
            do: text_of(viewers["alice"].post(f"{PLACE}/new", TYPED | {"do": do})).count('name="label"')
            for do in (
                "add_label:0",
                "remove_label:1",
                "add_dimension:0",
                "remove_dimension:0",
                "add_label:77",
            )
        }

        assert counts == {
            "add_label:0": 3,
            "remove_label:1": 1,
            "add_dimension:0": 4,
            "remove_dimension:0": 0,
            "add_label:77": 2,
        }

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"dimension_name": ["Topic"]}, "Must be up to 64 lower-case letters"),
            ({"label": ["", "other"]}, "Must be a text of 1 to 100 characters."),
            ({"label": ["other", "other"]}, "Names one thing twice."),
            ({"taxonomy_json": "["}, "The taxonomy is not right yet."),
            ({"taxonomy_json": "[" * 5000}, "The taxonomy is not right yet."),
            ({"taxonomy_json": '"\\u0000"'}, "The taxonomy is not right yet."),
            ({"dimension_name": [], "dimension_description": []}, "Must be a list of 1 to 8."),
            ({"model": ""}, "This field is required."),
        ],
        ids=str,
    )
    def test_names_what_is_wrong(
        self, change: dict[str, Any], said: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(f"{PLACE}/new", TYPED | change)

        assert answer.status_code == 422
        assert said in text_of(answer)

    def test_of_an_eleventh_is_refused(self, acme: Acme, viewers: dict[str, Client]) -> None:
        for _ in range(10):
            made(acme)

        answer = viewers["alice"].post(f"{PLACE}/new", TYPED)

        assert "has 10 classifiers already" in text_of(answer)


class TestChangingAClassifier:
    def test_keeps_what_was_typed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        classifier = made(acme)

        viewers["alice"].post(
            page_of(classifier, "/settings"), TYPED | {"model": "c/d", "sampling_rate": "5"}
        )

        assert (only(acme).model, only(acme).sampling_rate) == ("c/d", 0.05)

    def test_needs_its_name_to_end_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        classifier = made(acme)

        refused = viewers["alice"].post(page_of(classifier, "/delete"), {"name": "Others"})
        viewers["alice"].post(page_of(classifier, "/delete"), {"name": "Topics"})

        assert refused.status_code == 422
        assert viewers["alice"].get(page_of(classifier)).status_code == 404


class TestResults:
    def test_are_counted_by_label_and_listed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        classifier = made(acme)
        generations = [sorted_as(classifier, label, acme) for label in ("billing", "billing", "other")]

        shown = text_of(viewers["alice"].get(page_of(classifier)))

        assert "2 · 67 %" in shown
        assert {each.public_id in shown for each in generations} == {True}
        assert len(queries_of(viewers["alice"], page_of(classifier))) <= 12

    def test_lead_to_the_log_of_that_label(self, acme: Acme, viewers: dict[str, Client]) -> None:
        classifier = made(acme)
        billing, other = (sorted_as(classifier, label, acme) for label in ("billing", "other"))

        shown = text_of(viewers["alice"].get(f"/o/acme/logs?label={classifier.public_id}:topic:billing"))

        assert billing.public_id in shown
        assert other.public_id not in shown
        assert "Topics: topic is billing" in shown

    @pytest.mark.parametrize("label", ["x", "x:y:z", ":::", "\x00", "0" * 600])
    def test_of_no_label_lead_to_nothing(self, label: str, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.bob_key.key)

        assert "No request fits" in text_of(viewers["alice"].get("/o/acme/logs", {"label": f"x{label}"}))

    def test_of_workspaces_that_one_does_not_see_lead_to_nothing(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        classifier = made(acme)
        generation = sorted_as(classifier, "billing", acme)

        shown = text_of(viewers["carol"].get(f"/o/acme/logs?label={classifier.public_id}:topic:billing"))

        assert generation.public_id not in shown
        assert "Topics" not in shown
