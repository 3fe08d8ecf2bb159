"""The Django admin's doors: who comes in, how, and with which headers."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts import organizations, people
from accounts.models import ManagementKey, Organization
from accounts.revisions import Actor
from config.lib.scoping import tenant
from tests.admin_pages import page, text_of

pytestmark = pytest.mark.django_db

INDEX = "/admin/"


class TestTheDoor:
    @pytest.mark.parametrize(
        "path",
        [
            INDEX,
            "/admin/jsi18n/",
            "/admin/accounts/",
            "/admin/search/",
            "/admin/search/?s=key&extended=1",
            "/admin/autocomplete/?app_label=workspaces&model_name=apikey&field_name=workspace",
        ],
    )
    def test_opens_to_administrators_and_staff_only(self, doors, path):
        assert doors.statuses(path) == {
            "alice": 200,
            "bob": 403,
            "carol": 403,
            "mallory": 200,
            "staff": 200,
            "anonymous": 302,
        }

    def test_sends_strangers_to_the_dashboards_sign_in_and_back(self, doors):
        answer = doors["anonymous"].get(page(ManagementKey, "changelist"))

        assert answer["Location"] == f"{reverse('account_login')}?next={page(ManagementKey, 'changelist')}"

    def test_has_no_sign_in_of_its_own(self, doors):
        answers = {
            name: doors[name].get("/admin/login/?next=/admin/").status_code for name in ("alice", "bob")
        }

        assert answers == {"alice": 302, "bob": 403}
        assert doors["anonymous"].get("/admin/login/")["Location"].startswith(reverse("account_login"))
        assert doors["anonymous"].post("/admin/login/", {"username": "x"}).status_code == 302

    def test_leaves_passwords_to_the_dashboard(self, doors):
        answer = doors["alice"].get("/admin/password_change/")

        assert answer["Location"] == reverse("account_change_password")

    def test_lets_people_out(self, doors):
        answer = doors["alice"].post("/admin/logout/")

        assert answer.status_code == 302
        assert doors["alice"].get(INDEX).status_code == 302

    def test_closes_with_the_role(self, doors, acme):
        with tenant(acme.organization.pk):
            organizations.change_role(membership=acme.bob, role="admin", by=Actor(door="shell"))
            assert doors["bob"].get(INDEX).status_code == 200
            organizations.change_role(membership=acme.bob, role="member", by=Actor(door="shell"))

        assert doors["bob"].get(INDEX).status_code == 403

    def test_is_shut_for_a_deactivated_administrator(self, doors, acme):
        people.change(user=acme.alice.user, is_active=False, by=Actor(door="shell"))

        assert doors["alice"].get(INDEX).status_code == 302

    def test_does_not_look_up_objects_by_content_type(self, doors):
        assert doors["staff"].get("/admin/r/1/1/").status_code == 404


class TestMalformedAddresses:
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/admin/workspaces/apikey/?q=%00", 400),
            ("/admin/workspaces/apikey/?workspace__id__exact=x", 302),
            ("/admin/workspaces/apikey/?workspace__id__exact=99999999999999999999999", 200),
            ("/admin/workspaces/apikey/?p=x", 200),
            ("/admin/workspaces/apikey/?o=99.-x", 200),
            ("/admin/workspaces/apikey/99999999999999999999999/change/", 404),
            ("/admin/workspaces/apikey/%00/change/", 404),
            ("/admin/observability/generation/x/change/", 404),
            ("/admin/observability/generation/?before=x", 302),
            ("/admin/observability/generation/?workspace_id=x", 302),
            ("/admin/observability/generation/?workspace_id=99999999999999999999999", 302),
            ("/admin/observability/generation/?q=gen-x", 200),
            ("/admin/accounts/ledgerentry/?before=99999999999999999999999", 200),
            ("/admin/accounts/ledgerentry/?kind=x", 200),
            ("/admin/search/?s=a&page=x", 404),
            ("/admin/search/?s=a&page=7", 404),
            ("/admin/autocomplete/?app_label=x", 403),
            ("/admin/autocomplete/?app_label=workspaces&model_name=apikey&field_name=workspace&page=x", 404),
            ("/admin/nothing/", 404),
        ],
    )
    def test_are_refused_and_never_fail(self, doors, path, status):
        assert doors["alice"].get(path).status_code == status


class TestTheContentSecurityPolicy:
    def test_of_the_admin_lets_alpine_compile_but_nothing_inline_run(self, doors):
        policy = doors["alice"].get(INDEX)["Content-Security-Policy"]

        assert "script-src 'self' 'unsafe-eval'" in policy
        assert "style-src 'self';" in f"{policy};"
        assert "style-src-attr 'unsafe-inline'" in policy
        assert "default-src 'none'" in policy

    @pytest.mark.parametrize("path", [INDEX, "/admin/accounts/", "/admin/accounts/membership/"])
    def test_is_not_broken_by_the_styles_that_htmx_would_add(self, doors, path):
        assert '"includeIndicatorStyles": false' in text_of(doors["alice"].get(path))

    def test_is_not_loosened_elsewhere(self, doors):
        policy = doors["anonymous"].get(reverse("account_login"))["Content-Security-Policy"]

        assert "unsafe" not in policy


class TestThePagesFrame:
    def test_leads_back_to_the_dashboard(self, doors):
        assert "Back to the dashboard" in text_of(doors["alice"].get(INDEX))

    def test_has_no_inline_script_or_style_element(self, doors):
        for path in (INDEX, page(Organization, "changelist"), page(ManagementKey, "add")):
            text = text_of(doors["alice"].get(path))
            assert "<style" not in text
            assert "<script>" not in text

    def test_names_no_platform_models_to_administrators(self, doors):
        assert "/admin/routing/provider/" not in text_of(doors["alice"].get(INDEX))
        assert "/admin/routing/provider/" in text_of(doors["staff"].get(INDEX))
