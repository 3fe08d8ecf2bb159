"""Every way in which another tenant's rows have been seen to leak from a Django admin: none of them does here."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from accounts.models import Membership, Organization, PrivacySettings, Revision, User
from accounts.organizations import add_member
from accounts.revisions import Actor
from config.lib.scoping import tenant, unscoped
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from tests.admin_pages import autocomplete, errors_of, page, text_of
from workspaces.models import ApiKey, Workspace, WorkspaceMember

pytestmark = pytest.mark.django_db

NOT_A_CHOICE = "not one of the available choices"


@pytest.fixture
def acme_words(acme):
    """Text that only acme's people may read, whatever page it would appear on."""
    return ("bob@acme", "carol@acme", "alice@acme", "Production", "Research", "production system key")


class TestMallory:
    @pytest.mark.parametrize(
        "model", [User, Organization, Membership, Workspace, WorkspaceMember, ApiKey, Revision]
    )
    def test_reads_nothing_of_acme_in_lists_and_their_sidebars(self, doors, acme_words, model):
        text = text_of(doors["mallory"].get(page(model, "changelist")))

        assert [word for word in acme_words if word in text] == []

    @pytest.mark.parametrize("model", [ApiKey, WorkspaceMember, Workspace])
    def test_reads_nothing_of_acme_in_the_selects_of_forms(self, doors, acme_words, model):
        text = text_of(doors["mallory"].get(page(model, "add")))

        assert [word for word in acme_words if word in text] == []

    @pytest.mark.parametrize(
        ("model", "field"),
        [
            (ApiKey, "workspace"),
            (ApiKey, "owner"),
            (WorkspaceMember, "membership"),
            (WorkspaceMember, "workspace"),
            (Workspace, "organization"),
            (Membership, "user"),
            (Membership, "organization"),
            (Guardrail, "workspace"),
            (KeyAssignment, "api_key"),
            (MemberAssignment, "membership"),
            (PrivacySettings, "organization"),
        ],
    )
    def test_is_completed_with_her_own_rows_only(self, doors, acme_words, model, field):
        answer = doors["mallory"].get(autocomplete(model, field))

        shown = json.dumps(answer.json()["results"])
        assert answer.status_code == 200
        assert [word for word in (*acme_words, "Acme") if word in shown] == []
        assert "globex" in shown.lower() or "Default" in shown

    def test_may_not_complete_from_the_platforms_models(self, doors):
        from routing.models import Endpoint

        assert doors["mallory"].get(autocomplete(Endpoint, "provider")).status_code == 403

    def test_finds_nothing_by_filtering_with_a_foreign_key(self, doors, acme):
        answer = doors["mallory"].get(
            page(ApiKey, "changelist"), {"workspace__id__exact": acme.production.pk}
        )

        assert "production system key" not in text_of(answer)

    @pytest.mark.parametrize(
        "query",
        [
            "owner__user__email__startswith=m",
            "organization__memberships__user__password__startswith=s",
            "created_by__password__startswith=s",
            "hash__startswith=0",
        ],
    )
    def test_cannot_guess_columns_by_filtering(self, doors, query):
        assert doors["mallory"].get(f"{page(ApiKey, 'changelist')}?{query}").status_code == 400

    @pytest.mark.parametrize("query", ["password__startswith=scrypt", "is_superuser__exact=1"])
    def test_cannot_guess_at_people_by_filtering(self, doors, query):
        assert doors["mallory"].get(f"{page(User, 'changelist')}?{query}").status_code == 400

    @pytest.mark.parametrize("number", ["9" * 5000, "9" * 30, "\u0663", "-1", "1e3"])
    def test_breaks_nothing_by_filtering_with_what_is_no_key(self, doors, number):
        answer = doors["mallory"].get(page(Revision, "changelist"), {"organization_id": number})

        assert answer.status_code < 500

    def test_cannot_post_a_foreign_workspace(self, doors, acme):
        answer = doors["mallory"].post(
            page(ApiKey, "add"),
            {"workspace": acme.production.pk, "name": "mine", "limit_interval": "t"},
        )

        assert NOT_A_CHOICE in str(errors_of(answer)["workspace"])

    def test_cannot_post_a_foreign_owner(self, doors, acme, globex):
        answer = doors["mallory"].post(
            page(ApiKey, "add"),
            {"workspace": globex.default.pk, "owner": acme.bob.pk, "name": "mine", "limit_interval": "t"},
        )

        assert NOT_A_CHOICE in str(errors_of(answer)["owner"])

    def test_cannot_post_a_foreign_organization(self, doors, acme):
        answer = doors["mallory"].post(
            page(Workspace, "add"),
            {
                "organization": acme.organization.pk,
                "name": "Mine",
                "slug": "mine",
                "io_logging_sampling_rate": 1,
            },
        )

        assert NOT_A_CHOICE in str(errors_of(answer)["organization"])

    @pytest.mark.parametrize("action", ["disable", "delete_selected"])
    def test_cannot_act_on_foreign_rows(self, doors, acme, action):
        doors["mallory"].post(
            page(ApiKey, "changelist"),
            {
                "action": action,
                ACTION_CHECKBOX_NAME: [acme.production_key.key.pk],
                "post": "yes",
                "index": "0",
            },
        )

        with tenant(acme.organization.pk):
            key = ApiKey.objects.get(pk=acme.production_key.key.pk)
        assert (key.is_disabled, key.deleted_at) == (False, None)

    def test_acting_on_everything_acts_on_her_own_rows(self, doors, acme, globex):
        doors["mallory"].post(
            page(ApiKey, "changelist"),
            {
                "action": "disable",
                "select_across": "1",
                ACTION_CHECKBOX_NAME: [globex.default_key.key.pk],
                "index": "0",
            },
        )

        with unscoped(reason="the test looks at both"):
            disabled = set(ApiKey.objects.filter(is_disabled=True).values_list("organization_id", flat=True))
        assert disabled == {globex.organization.pk}

    def test_cannot_act_on_a_key_that_is_no_key(self, doors):
        answer = doors["mallory"].post(
            page(ApiKey, "changelist"), {"action": "disable", ACTION_CHECKBOX_NAME: ["x"], "index": "0"}
        )

        assert answer.status_code == 400

    @pytest.mark.parametrize("name", ["change", "delete", "history"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_cannot_tell_a_foreign_object_from_an_unknown_one(self, doors, acme, name, method):
        ask = getattr(doors["mallory"], method)

        foreign, unknown = (ask(page(ApiKey, name, pk)) for pk in (acme.production_key.key.pk, 999_999_999))

        assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
        assert foreign.status_code == 404

    def test_finds_nobody_of_acme_by_searching(self, doors):
        assert "bob@acme" not in text_of(doors["mallory"].get(page(User, "changelist"), {"q": "bob"}))

    def test_cannot_make_somebody_a_member(self, doors, acme, globex):
        answer = doors["mallory"].post(
            page(Membership, "add"),
            {"organization": globex.organization.pk, "user": acme.bob.user_id, "role": "member"},
        )

        assert answer.status_code == 403


class TestAnAdministratorOfTwoOrganizations:
    @pytest.fixture(autouse=True)
    def _alice_administers_globex_too(self, acme, globex):
        with tenant(globex.organization.pk):
            add_member(
                organization=globex.organization, user=acme.alice.user, role="admin", by=Actor(door="shell")
            )

    def test_sees_both(self, doors):
        text = text_of(doors["alice"].get(page(Workspace, "changelist")))

        assert "Acme" in text
        assert "Globex" in text

    def test_cannot_give_a_key_an_owner_of_the_other(self, doors, acme, globex):
        answer = doors["alice"].post(
            page(ApiKey, "add"),
            {
                "workspace": acme.production.pk,
                "owner": globex.mallory.pk,
                "name": "mixed",
                "limit_interval": "t",
            },
        )

        assert "not a member of this workspace" in str(errors_of(answer)["owner"])

    def test_cannot_move_a_key_to_the_other(self, doors, acme, globex):
        key = acme.production_key.key

        answer = doors["alice"].post(
            page(ApiKey, "change", key.pk),
            {"workspace": globex.default.pk, "name": key.name, "limit_interval": "t"},
        )

        assert "another organization" in str(errors_of(answer)["workspace"])

    def test_cannot_seat_a_member_of_the_other(self, doors, acme, globex):
        answer = doors["alice"].post(
            page(WorkspaceMember, "add"),
            {"workspace": acme.production.pk, "membership": globex.mallory.pk},
        )

        assert "Only members" in str(errors_of(answer)["membership"])

    def test_sees_of_people_what_belongs_to_her_organizations_alone(self, doors, acme, globex, staff):
        from accounts.organizations import found

        found(
            name="Initech", slug="initech", kind="team", administrator=acme.bob.user, by=Actor(door="shell")
        )

        text = text_of(doors["alice"].get(page(User, "change", acme.bob.user_id)))

        assert "Acme (member)" in text
        assert "Initech" not in text
