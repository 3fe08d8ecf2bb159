"""Guardrails, assignments and privacy brought back to what a revision recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts import privacy
from accounts.models import PrivacySettings, Revision
from accounts.restoring import CannotRestore, Recorded, restorers
from config.lib.scoping import tenant
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members, unassign_keys
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from tests.cast import STAGE, Acme
from workspaces import api_keys, workspaces


@pytest.fixture(autouse=True)
def scope(acme: Acme) -> Iterator[None]:
    """All of it happens within acme."""
    with tenant(acme.organization.pk):
        yield


@pytest.fixture
def guardrail(acme: Acme) -> Guardrail:
    """A guardrail with settings of every kind."""
    return guardrail_settings.create(
        workspace=acme.production,
        name="Strict",
        by=STAGE,
        limit_nano=5,
        limit_interval="d",
        allowed_models=["openai/gpt-4o"],
        content_filters=[{"pattern": "a", "action": "block", "label": None}],
        enforce_zdr_xai=False,
    )


def newest(kind: str) -> Revision:
    """The newest revision of a kind of object."""
    revision: Revision = Revision.objects.filter(object_type=kind).order_by("-pk")[0]
    return revision


def restore(revision: Revision, state: dict[str, Any] | None) -> None:
    """Bring the revision's object to one of its states."""
    recorded = Recorded(revision.organization_id or 0, revision.object_id, state)
    restorers.at(revision.object_type)(recorded, STAGE)


class TestAGuardrail:
    def test_is_changed_back(self, guardrail: Guardrail):
        guardrail_settings.change(
            guardrail=guardrail, by=STAGE, name="Loose", allowed_models=None, content_filters=[]
        )

        restore(newest("guardrail"), newest("guardrail").before)

        guardrail.refresh_from_db()
        assert (guardrail.name, guardrail.allowed_models) == ("Strict", ["openai/gpt-4o"])
        assert guardrail.content_filters[0]["pattern"] == "a"

    def test_is_made_again_under_its_old_id(self, guardrail: Guardrail):
        before = Guardrail.objects.values().get()
        guardrail_settings.delete(guardrail=guardrail, by=STAGE)

        restore(newest("guardrail"), newest("guardrail").before)

        assert Guardrail.objects.values().get() == before

    def test_is_deleted_where_it_was_not_there(self, guardrail: Guardrail):
        restore(newest("guardrail"), None)

        assert not Guardrail.objects.exists()

    def test_of_a_deleted_workspace_stays_gone(self, acme: Acme, guardrail: Guardrail):
        for issued in (acme.bob_key, acme.production_key):
            api_keys.delete(key=issued.key, by=STAGE)
        workspaces.delete(workspace=acme.production, by=STAGE)

        with pytest.raises(CannotRestore, match="workspace was deleted"):
            restore(newest("guardrail"), newest("guardrail").before)

    def test_is_held_to_todays_rules(self, guardrail: Guardrail):
        state = newest("guardrail").after | {
            "content_filter_builtins": [{"slug": "person-name", "action": "block"}]
        }

        with pytest.raises(CannotRestore, match="presidio"):
            restore(newest("guardrail"), state)

    def test_that_was_a_default_one_does_not_replace_its_successor(self, acme: Acme):
        default = Guardrail.default_of(acme.production)
        guardrail_settings.change(guardrail=default, by=STAGE, name="Old")
        guardrail_settings.delete(guardrail=default, by=STAGE)
        deleted = newest("guardrail")
        guardrail_settings.change(guardrail=default, by=STAGE, name="New")

        with pytest.raises(CannotRestore, match="anew"):
            restore(deleted, deleted.before)


class TestAnAssignment:
    def test_is_given_back(self, acme: Acme, guardrail: Guardrail):
        assign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)
        unassign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)

        restore(newest("keyassignment"), newest("keyassignment").before)

        assert KeyAssignment.objects.get().api_key_id == acme.bob_key.key.pk

    def test_goes_back_to_the_guardrail_before(self, acme: Acme, guardrail: Guardrail):
        other = guardrail_settings.create(workspace=acme.default, name="Other", by=STAGE)
        for each in (guardrail, other):
            assign_members(guardrail=each, memberships=[acme.bob], by=STAGE)

        restore(newest("memberassignment"), newest("memberassignment").before)

        assert MemberAssignment.objects.get().guardrail_id == guardrail.pk

    @pytest.mark.parametrize("kind", ["keyassignment", "memberassignment"])
    def test_ends_where_there_was_none(self, acme: Acme, guardrail: Guardrail, kind: str):
        assign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)
        assign_members(guardrail=guardrail, memberships=[acme.bob], by=STAGE)

        restore(newest(kind), None)

        assert KeyAssignment.objects.count() + MemberAssignment.objects.count() == 1

    def test_to_a_deleted_guardrail_or_of_a_deleted_key_stays_ended(self, acme: Acme, guardrail: Guardrail):
        assign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)
        made = newest("keyassignment")
        guardrail_settings.delete(guardrail=guardrail, by=STAGE)
        with pytest.raises(CannotRestore, match="guardrail was deleted"):
            restore(made, made.after)
        api_keys.delete(key=acme.bob_key.key, by=STAGE)

        with pytest.raises(CannotRestore, match="key was deleted"):
            restore(made, made.after)


class TestPrivacySettings:
    def test_are_changed_back(self, acme: Acme):
        for slugs in (["openai"], ["azure"]):
            privacy.change(organization=acme.organization, by=STAGE, ignored_providers=slugs)

        restore(newest("privacysettings"), newest("privacysettings").before)

        assert PrivacySettings.objects.get().ignored_providers == ["openai"]

    def test_restrict_nothing_where_they_were_not_there(self, acme: Acme):
        privacy.change(
            organization=acme.organization, by=STAGE, enforce_zdr_xai=True, is_io_logging_allowed=False
        )

        restore(newest("privacysettings"), None)

        found = PrivacySettings.objects.get()
        assert (found.enforce_zdr_xai, found.is_io_logging_allowed) == (False, True)
