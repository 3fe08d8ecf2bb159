"""Guardrails, assignments and privacy in the Django admin."""

from __future__ import annotations

import pytest

from accounts.models import PrivacySettings, Revision
from config.lib.scoping import tenant
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from tests.admin_pages import errors_of, page, text_of
from tests.cast import STAGE

pytestmark = pytest.mark.django_db


@pytest.fixture
def guardrail(acme):
    """A guardrail of acme's production."""
    with tenant(acme.organization.pk):
        return guardrail_settings.create(
            workspace=acme.production,
            name="Strict",
            by=STAGE,
            content_filters=[{"pattern": "secret", "action": "block", "label": None}],
        )


def fields(guardrail, **changed):
    """What the form of a guardrail posts."""
    return {"name": guardrail.name, "limit_nano": "", "limit_interval": ""} | changed


class TestAGuardrail:
    def test_is_created_with_lists_of_lines_and_a_limit_in_dollars(self, doors, acme):
        doors["alice"].post(
            page(Guardrail, "add"),
            {
                "workspace": acme.production.pk,
                "name": "New",
                "limit_nano": "2.5",
                "limit_interval": "w",
                "allowed_models": "openai/gpt-4o\r\n\r\nopenai/o3\r\n",
                "enforce_zdr_openai": "true",
            },
        )

        with tenant(acme.organization.pk):
            made = Guardrail.objects.get()
            assert Revision.objects.order_by("-pk").first().door == "admin"
        assert made.allowed_models == ["openai/gpt-4o", "openai/o3"]
        assert (made.limit_nano, made.limit_interval, made.description) == (2_500_000_000, "w", None)
        assert (made.enforce_zdr_openai, made.enforce_zdr_google) == (True, None)

    @pytest.mark.parametrize(
        ("given", "missing"),
        [({"limit_nano": "2"}, "limit_interval"), ({"limit_interval": "d"}, "limit_nano")],
    )
    def test_names_the_half_of_a_limit_that_is_missing(self, doors, guardrail, given, missing):
        answer = doors["alice"].post(page(Guardrail, "change", guardrail.pk), fields(guardrail, **given))

        assert list(answer.context["adminform"].form.errors) == [missing]

    def test_is_changed_where_it_differs_and_keeps_its_filters(self, doors, acme, guardrail):
        path = page(Guardrail, "change", guardrail.pk)

        doors["alice"].post(path, fields(guardrail, ignored_providers="azure"))

        with tenant(acme.organization.pk):
            revision = Revision.objects.order_by("-pk").first()
        changed = {name for name in revision.after if revision.after[name] != revision.before[name]}
        assert changed == {"ignored_providers", "updated_at"}
        assert "azure" in text_of(doors["alice"].get(path))

    def test_that_cannot_be_is_an_error_of_the_form(self, doors, guardrail):
        path = page(Guardrail, "change", guardrail.pk)

        for wrong in ({"allowed_models": "gpt 4"}, {"allowed_data_regions": "mars"}, {"limit_nano": "5"}):
            assert errors_of(doors["alice"].post(path, fields(guardrail, **wrong)))

    def test_is_deleted_with_its_assignments(self, doors, acme, guardrail):
        with tenant(acme.organization.pk):
            assign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)

        doors["alice"].post(page(Guardrail, "delete", guardrail.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert not Guardrail.objects.exists()
            assert not KeyAssignment.objects.exists()

    def test_is_not_made_in_somebody_elses_workspace(self, doors, acme, globex):
        answer = doors["mallory"].post(
            page(Guardrail, "add"), {"workspace": acme.production.pk, "name": "Mine"}
        )

        assert "not one of the available choices" in str(errors_of(answer)["workspace"])


class TestAnAssignment:
    def test_of_a_key_is_made_once(self, doors, acme, guardrail):
        answers = [
            doors["alice"].post(
                page(KeyAssignment, "add"), {"guardrail": guardrail.pk, "api_key": acme.bob_key.key.pk}
            )
            for _ in range(2)
        ]

        assert "already exists" in str(errors_of(answers[1])["api_key"])
        with tenant(acme.organization.pk):
            held = KeyAssignment.objects.get()
        assert (held.guardrail_id, held.assigned_by_id) == (guardrail.pk, acme.alice.user_id)

    def test_of_a_member_is_made_and_ended(self, doors, acme, guardrail):
        doors["alice"].post(
            page(MemberAssignment, "add"), {"guardrail": guardrail.pk, "membership": acme.bob.pk}
        )
        with tenant(acme.organization.pk):
            made = MemberAssignment.objects.get()
        doors["alice"].post(page(MemberAssignment, "delete", made.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert not MemberAssignment.objects.exists()

    def test_does_not_cross_organizations_even_for_staff(self, doors, globex, guardrail):
        answer = doors["staff"].post(
            page(KeyAssignment, "add"), {"guardrail": guardrail.pk, "api_key": globex.mallory_key.key.pk}
        )

        assert "no such key" in str(errors_of(answer)["api_key"])


class TestPrivacySettings:
    def test_are_made_once_and_then_changed(self, doors, acme):
        doors["alice"].post(
            page(PrivacySettings, "add"),
            {"organization": acme.organization.pk, "ignored_providers": "deepseek", "enforce_zdr_xai": "on"},
        )
        with tenant(acme.organization.pk):
            made = PrivacySettings.objects.get()
        path = page(PrivacySettings, "change", made.pk)
        again = doors["alice"].post(page(PrivacySettings, "add"), {"organization": acme.organization.pk})
        doors["alice"].post(path, {"ignored_providers": "", "enforce_zdr_xai": "on"})

        assert (made.ignored_providers, made.enforce_zdr_xai, made.is_io_logging_allowed) == (
            ["deepseek"],
            True,
            False,
        )
        assert "already exists" in str(errors_of(again)["organization"])
        with tenant(acme.organization.pk):
            made.refresh_from_db()
        assert made.ignored_providers is None
