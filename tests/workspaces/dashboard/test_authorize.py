"""`/auth`: who asks is shown, who is signed in decides, and the code goes where was asked and nowhere else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.organizations import add_member
from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import text_of
from workspaces.models import AuthCode, Workspace

pytestmark = pytest.mark.django_db

CALLBACK = "https://app.example/callback?state=7#there"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
CODE = re.compile(r"auth_code_[\w-]{43}")


def address(**asked: str) -> str:
    """Where an application sends somebody."""
    return f"/auth?{urlencode({'callback_url': CALLBACK, **PKCE} | asked)}"


def answer_of(place: Workspace, **changes: Any) -> dict[str, Any]:
    """The form as it is sent by whoever allows it."""
    plain = {"name": "An app", "limit_usd": "", "limit_reset": "t", "expires": ""}
    return plain | {"workspace": str(place.public_id)} | changes


def code_behind(response: HttpResponseBase) -> AuthCode:
    """What is kept of the code that an answer sends or shows."""
    found = CODE.search(response.get("Location", "") or text_of(response))
    assert found
    with unscoped(reason="the test looks"):
        return AuthCode.objects.select_related("workspace", "owner").get(hash=hash_of(found.group()))


def count_of_codes() -> int:
    """Codes that were made."""
    with unscoped(reason="the test counts"):
        return AuthCode.objects.count()


class TestThePageThatAsks:
    def test_says_who_asks_and_lists_ones_own_workspaces_alone(self, acme: Acme, viewers: dict[str, Client]):
        page = text_of(viewers["bob"].get(address()))

        assert "app.example" in page
        assert CALLBACK in page
        names = ("Default", "Production", "Research")
        assert [f">{name}</option>" in page for name in names] == [True, True, False]
        assert "Globex" not in page

    def test_lists_the_workspaces_of_all_ones_organizations(self, cast: Cast, viewers: dict[str, Client]):
        with tenant(cast.globex.organization.pk):
            add_member(
                organization=cast.globex.organization,
                user=cast.acme.bob.user,
                role=Membership.MEMBER,
                by=STAGE,
            )

        page = text_of(viewers["bob"].get(address()))

        assert '<optgroup label="Acme">' in page
        assert '<optgroup label="Globex">' in page
        assert ">Default · Globex</option>" in page

    def test_is_filled_in_with_what_is_asked_for(self, acme: Acme, viewers: dict[str, Client]):
        page = text_of(
            viewers["bob"].get(
                address(
                    key_label="My app",
                    limit="12.50",
                    usage_limit_type="monthly",
                    expires_at="2999-12-31T23:59:59Z",
                    workspace_id=str(acme.production.public_id),
                )
            )
        )

        assert 'value="My app"' in page
        assert 'value="12.5"' in page
        assert '<option value="m" selected>' in page
        assert '<option value="asked" selected>2999-12-31 23:59 UTC' in page
        assert f'<option value="{acme.production.public_id}" selected>' in page

    def test_names_a_local_application_by_host_and_port(self, acme: Acme, viewers: dict[str, Client]):
        page = text_of(viewers["bob"].get(address(callback_url="http://localhost:51423/x")))

        assert "Allow localhost:51423 a key?" in page

    def test_escapes_what_the_address_says(self, acme: Acme, viewers: dict[str, Client]):
        label = "<script>alert(1)</script>"

        response = viewers["bob"].get(address(key_label=label, callback_url="https://app.example/<b>'\""))

        raw = response.content.decode()
        assert "<script>alert" not in raw
        assert "<b>" not in raw

    def test_comes_after_the_door(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["anonymous"].get(address())

        place = urlsplit(answer["Location"])
        assert (answer.status_code, place.path) == (302, "/accounts/login/")
        assert parse_qs(place.query)["next"] == [address()]

    def test_waits_for_a_hand_on_its_button(self, acme: Acme, viewers: dict[str, Client]):
        assert "autofocus" not in text_of(viewers["bob"].get(address()))

    def test_is_in_no_frame_and_no_cache(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["bob"].get(address())

        assert answer["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"]

    def test_alone_may_lead_its_form_elsewhere(self, acme: Acme, viewers: dict[str, Client]):
        policies = [
            viewers["bob"].get(path)["Content-Security-Policy"]
            for path in (address(), "/auth", "/o/acme/logs")
        ]

        assert ["form-action 'self'" in policy for policy in policies] == [False, True, True]
        assert "script-src 'self'" in policies[0]

    @pytest.mark.parametrize(
        ("asked", "word"),
        [
            ({"callback_url": "http://app.example/"}, "callback_url"),
            ({"callback_url": "javascript:alert(1)"}, "callback_url"),
            ({"callback_url": "https://bob@app.example/"}, "callback_url"),
            ({"callback_url": "https://app.example\\@evil.example/"}, "callback_url"),
            ({"callback_url": "https://app.example/\x00"}, "callback_url"),
            ({"callback_url": "", "code_challenge": "", "code_challenge_method": ""}, "code_challenge"),
            ({"code_challenge": ""}, "code_challenge"),
            ({"code_challenge": "short"}, "code_challenge"),
            ({"code_challenge_method": "S512"}, "code_challenge_method"),
            ({"limit": "-1"}, "limit"),
            ({"limit": "NaN"}, "limit"),
            ({"usage_limit_type": "yearly"}, "usage_limit_type"),
            ({"expires_at": "2030-01-01T00:00Z"}, "expires_at"),
            ({"expires_at": "2030-13-01T00:00:00Z"}, "expires_at"),
            ({"key_label": "x" * 101}, "key_label"),
        ],
    )
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_refuses_what_is_not_safe_and_leads_nowhere(
        self, acme: Acme, viewers: dict[str, Client], method: str, asked: dict[str, str], word: str
    ):
        form = [answer_of(acme.default)] if method == "post" else []

        answer = getattr(viewers["bob"], method)(address(**asked), *form)

        assert answer.status_code == 400
        assert word in text_of(answer)
        assert count_of_codes() == 0


class TestAllowing:
    def test_sends_the_code_to_the_callback_and_nothing_else(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["bob"].post(address(), answer_of(acme.production))

        place = urlsplit(answer["Location"])
        assert (answer.status_code, place.scheme, place.netloc) == (302, "https", "app.example")
        assert (place.path, place.fragment) == ("/callback", "there")
        assert set(parse_qs(place.query)) == {"state", "code"}

    def test_replaces_a_code_that_the_callback_brought_along(self, acme: Acme, viewers: dict[str, Client]):
        asked = address(callback_url="https://app.example/?code=evil&%63ode=x&a=%20b")

        place = urlsplit(viewers["bob"].post(asked, answer_of(acme.production))["Location"])

        assert place.query.startswith("a=%20b&code=auth_code_")

    def test_makes_a_key_of_ones_own_in_the_chosen_workspace(self, acme: Acme, viewers: dict[str, Client]):
        sent = answer_of(acme.production, name="Mine", limit_usd="3", limit_reset="d", expires="7")

        row = code_behind(viewers["bob"].post(address(), sent))

        assert (row.workspace, row.owner, row.created_by_id) == (acme.production, acme.bob, acme.bob.user_id)
        assert (row.key_name, row.limit_nano, row.limit_interval) == ("Mine", 3_000_000_000, "d")
        assert row.challenge == CHALLENGE
        assert row.expires_at is not None
        assert timedelta(days=6) < row.expires_at - timezone.now() < timedelta(days=8)

    def test_may_keep_the_end_that_was_asked_for(self, acme: Acme, viewers: dict[str, Client]):
        asked = address(expires_at="2999-12-31T23:59:59Z")

        row = code_behind(viewers["bob"].post(asked, answer_of(acme.production, expires="asked")))

        assert row.expires_at is not None
        assert row.expires_at.year == 2999

    @pytest.mark.parametrize("who", ["bob", "mallory"])
    def test_is_refused_in_a_workspace_of_others(self, acme: Acme, viewers: dict[str, Client], who: str):
        answer = viewers[who].post(address(), answer_of(acme.research))

        assert answer.status_code == 422
        assert count_of_codes() == 0

    @pytest.mark.parametrize(
        "changes", [{"name": ""}, {"limit_usd": "-1"}, {"expires": "asked"}, {"workspace": ""}]
    )
    def test_asks_again_when_the_form_is_wrong(
        self, acme: Acme, viewers: dict[str, Client], changes: dict[str, str]
    ):
        answer = viewers["bob"].post(address(), answer_of(acme.production, **changes))

        assert answer.status_code == 422
        assert count_of_codes() == 0

    def test_shows_the_code_where_there_is_no_callback(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["bob"].post(f"/auth?{urlencode(PKCE)}", answer_of(acme.production))

        row = code_behind(answer)
        assert (answer.status_code, row.callback_url, row.challenge) == (200, "", CHALLENGE)
        assert "no-store" in answer["Cache-Control"]

    def test_needs_the_forms_own_token(self, acme: Acme):
        client = Client(enforce_csrf_checks=True)
        client.force_login(acme.bob.user)

        assert client.post(address(), answer_of(acme.production)).status_code == 403
        assert count_of_codes() == 0

    def test_is_for_nobody_who_is_not_signed_in(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["anonymous"].post(address(), answer_of(acme.production))

        assert answer["Location"].startswith("/accounts/login/")
        assert count_of_codes() == 0
