"""/auth/keys/code and /auth/keys: a code is made for an application and exchanged once for a key."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.management_keys import issue as issue_management_key
from accounts.models import Revision
from accounts.organizations import remove_member
from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from tests.cast import STAGE, Acme, Cast, acting
from tests.management_api import Api, at_once, data_of, error_of
from workspaces import api_keys, members, workspaces
from workspaces.auth_codes import Challenge, Request, allow
from workspaces.models import ApiKey, AuthCode

pytestmark = pytest.mark.django_db

CALLBACK = "https://app.example/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The pair of RFC 7636, appendix B."""
S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
ANYBODY = Api(None)
INVALID = (403, "Invalid code or code_verifier")


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def code_of(api: Api, **asked: Any) -> str:
    """A new code."""
    return str(data_of(api.post("/auth/keys/code", {"callback_url": CALLBACK} | asked))["id"])


def allowed(acme: Acme, **asked: Any) -> str:
    """A code that bob allowed an application, for a key in production."""
    with tenant(acme.organization.pk):
        request = Request(callback_url=CALLBACK, challenge=Challenge(CHALLENGE, "S256"), **asked)
        return allow(workspace=acme.production, owner=acme.bob, request=request, by=acting(acme.bob)).code


def exchanged(code: str, **proof: Any) -> Any:
    """The answer to an exchange; with the right verifier unless something else is said."""
    return ANYBODY.post("/auth/keys", {"code": code} | ({"code_verifier": VERIFIER} | proof))


def key_behind(acme: Acme, secret: str) -> ApiKey:
    """The key that was issued."""
    with tenant(acme.organization.pk):
        keys = ApiKey.objects.select_related("owner__user", "workspace", "created_by")
        found: ApiKey = keys.get(hash=hash_of(secret))
        return found


class TestMakingACode:
    def test_tells_it_once_and_keeps_its_hash(self, acme: Acme, api: Api):
        response = api.post("/auth/keys/code", {"callback_url": CALLBACK, **S256})

        data = data_of(response)
        assert set(data) == {"id", "app_id", "created_at"}
        with tenant(acme.organization.pk):
            row = AuthCode.objects.get(hash=hash_of(data["id"]))
        assert data["id"] not in str(vars(row))
        assert (row.challenge, row.method, row.used_at) == (CHALLENGE, "S256", None)

    def test_knows_applications_by_the_host_of_their_callback(self, api: Api):
        urls = (CALLBACK, "https://APP.example/other?x=1", "https://other.example/callback")

        ids = [data_of(api.post("/auth/keys/code", {"callback_url": url}))["app_id"] for url in urls]

        assert ids[0] == ids[1] != ids[2]

    @pytest.mark.parametrize(
        "url",
        [
            "https://app.example",
            "https://app.example:8443/a?b=c#d",
            "http://localhost:51423/callback",
            "http://127.0.0.1:1",
            "http://localhost/",
            "HTTPS://app.example/",
            "https://xn--bcher-kva.example/",
        ],
    )
    def test_takes_https_and_this_machine_at_any_port(self, api: Api, url: str):
        assert code_of(api, callback_url=url).startswith("auth_code_")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "app.example",
            "//app.example/",
            "/callback",
            "http://app.example/",
            "http://localhost.app.example/",
            "http://127.0.0.1.app.example/",
            "http://127.0.0.2/",
            "http://[::1]/",
            "https://user@app.example/",
            "https://user:secret@app.example/",
            "http://localhost@app.example/",
            "https://app.example\\@evil.example/",
            "https:app.example",
            "https:///app.example",
            "https://",
            "https://app.example:port/",
            "https://app.example:99999/",
            "https://app..example/",
            "https://-/",
            "https://bücher.example/",
            "https://app.example/ x",
            "https://app.example/\r\nSet-Cookie:%20x",
            "javascript:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "vscode://extension/callback",
            "https://app.example/" + "x" * 2048,
        ],
    )
    def test_sends_codes_nowhere_else(self, api: Api, url: str):
        status, message = error_of(api.post("/auth/keys/code", {"callback_url": url}))

        assert status == 400
        assert message.startswith("callback_url: ")

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({}, "callback_url"),
            ({"callback_url": CALLBACK, "code_challenge_method": "S256"}, "code_challenge"),
            (
                {"callback_url": CALLBACK, "code_challenge": "short", "code_challenge_method": "S256"},
                "challenge",
            ),
            (
                {"callback_url": CALLBACK, "code_challenge": "short", "code_challenge_method": "plain"},
                "challenge",
            ),
            ({"callback_url": CALLBACK, **S256, "code_challenge_method": "s256"}, "code_challenge_method"),
            ({"callback_url": CALLBACK, **S256, "code_challenge_method": None}, "code_challenge_method"),
            ({"callback_url": CALLBACK, "key_label": "x" * 101}, "key_label"),
            ({"callback_url": CALLBACK, "key_label": "a\x00"}, "key_label"),
            ({"callback_url": CALLBACK, "limit": -1}, "limit"),
            ({"callback_url": CALLBACK, "limit": "5"}, "limit"),
            ({"callback_url": CALLBACK, "usage_limit_type": "yearly"}, "usage_limit_type"),
            ({"callback_url": CALLBACK, "expires_at": "2030-01-01T00:00Z"}, "expires_at"),
            ({"callback_url": CALLBACK, "workspace_id": "unheard-of"}, "workspace_id"),
            ({"callback_url": CALLBACK, "app_id": 7}, "app_id"),
            ({"callback_url": 7}, "callback_url"),
            ([], "object"),
        ],
    )
    def test_refuses_what_it_does_not_understand(self, api: Api, body: Any, word: str):
        status, message = error_of(api.post("/auth/keys/code", body))

        assert status == 400
        assert word in message

    def test_is_done_once_with_an_idempotency_key(self, api: Api):
        answers = [
            api.post("/auth/keys/code", {"callback_url": CALLBACK}, Idempotency_Key="1") for _ in range(2)
        ]

        assert answers[0].json() == answers[1].json()

    def test_throws_away_what_is_a_day_old(self, acme: Acme, api: Api):
        code_of(api)
        with tenant(acme.organization.pk):
            AuthCode.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))

        code_of(api)

        with tenant(acme.organization.pk):
            assert AuthCode.objects.count() == 1


class TestTheKey:
    def test_has_what_was_asked_for(self, acme: Acme, api: Api):
        code = code_of(
            api,
            key_label="My app",
            limit=12.5,
            usage_limit_type="monthly",
            expires_at="2999-12-31T23:59:59Z",
            workspace_id="research",
            spawn_agent="agent",
            spawn_cloud="cloud",
        )

        answer = ANYBODY.post("/auth/keys", {"code": code}).json()

        key = key_behind(acme, answer["key"])
        assert (key.name, key.limit_nano, key.limit_interval) == ("My app", 12_500_000_000, "m")
        assert (key.workspace, str(key.expires_at)) == (acme.research, "2999-12-31 23:59:59+00:00")

    def test_is_called_after_the_host_where_no_label_was_given(self, acme: Acme, api: Api):
        code = code_of(api, callback_url="http://localhost:3000/callback")

        assert (
            key_behind(acme, ANYBODY.post("/auth/keys", {"code": code}).json()["key"]).name
            == "localhost:3000"
        )

    def test_belongs_to_who_allowed_it(self, acme: Acme):
        answer = exchanged(allowed(acme)).json()

        key = key_behind(acme, answer["key"])
        assert (key.owner, key.workspace, key.created_by) == (acme.bob, acme.production, acme.bob.user)
        assert answer["user_id"] == acme.bob.user.public_id
        assert Api(answer["key"]).get("/key").status_code == 200

    def test_is_the_workspaces_own_where_nobody_made_the_management_key(self, acme: Acme, api: Api):
        answer = ANYBODY.post("/auth/keys", {"code": code_of(api)}).json()

        assert answer["user_id"] is None
        assert key_behind(acme, answer["key"]).owner is None

    def test_belongs_to_who_made_the_management_key(self, acme: Acme):
        with tenant(acme.organization.pk):
            own = issue_management_key(organization=acme.organization, name="alice's", by=acting(acme.alice))

        answer = ANYBODY.post("/auth/keys", {"code": code_of(Api(own.secret))}).json()

        assert answer["user_id"] == acme.alice.user.public_id

    def test_is_recorded_with_who_allowed_it_and_whom(self, acme: Acme):
        exchanged(allowed(acme))

        with tenant(acme.organization.pk):
            revision = Revision.objects.filter(object_type="apikey").order_by("-pk")[0]
        assert (revision.action, revision.door, revision.user) == ("create", "api", acme.bob.user)
        assert "app.example" in revision.reason


class TestExchanging:
    def test_works_once(self, acme: Acme):
        code = allowed(acme)
        assert exchanged(code).status_code == 200

        assert error_of(exchanged(code)) == INVALID

    def test_is_refused_for_a_code_that_does_not_exist(self, acme: Acme):
        assert error_of(exchanged("auth_code_unknown")) == INVALID

    def test_is_refused_for_the_hash_of_a_code(self, acme: Acme):
        assert error_of(exchanged(hash_of(allowed(acme)))) == INVALID

    @pytest.mark.parametrize("verifier", ["", "wrong", CHALLENGE, VERIFIER + "x", "ü"])
    def test_with_a_wrong_verifier_is_refused_and_does_not_use_the_code_up(self, acme: Acme, verifier: str):
        code = allowed(acme)

        assert error_of(exchanged(code, code_verifier=verifier))[0] == (400 if verifier == "" else 403)
        assert exchanged(code).status_code == 200

    def test_without_the_verifier_is_refused(self, acme: Acme):
        assert error_of(ANYBODY.post("/auth/keys", {"code": allowed(acme)})) == INVALID

    def test_with_a_verifier_where_no_challenge_was_given_is_refused(self, api: Api):
        code = code_of(api)

        assert error_of(exchanged(code)) == INVALID
        assert ANYBODY.post("/auth/keys", {"code": code}).status_code == 200

    @pytest.mark.parametrize("method", ["S256", None])
    def test_names_the_same_method_or_none(self, acme: Acme, method: str | None):
        assert exchanged(allowed(acme), code_challenge_method=method).status_code == 200

    @pytest.mark.parametrize("method", ["plain", "s256", "S512"])
    def test_with_another_method_is_refused(self, acme: Acme, method: str):
        answer = error_of(exchanged(allowed(acme), code_challenge_method=method))

        assert answer == (400, "Invalid code_challenge_method")

    def test_cannot_be_talked_down_to_a_plain_challenge(self, acme: Acme):
        code = allowed(acme)

        assert exchanged(code, code_verifier=CHALLENGE, code_challenge_method="plain").status_code == 400
        assert exchanged(code, code_verifier=CHALLENGE).status_code == 403

    @pytest.mark.parametrize("method", [{}, {"code_challenge_method": "plain"}])
    def test_compares_a_plain_challenge_as_it_is(self, api: Api, method: dict[str, str]):
        code = code_of(api, code_challenge=VERIFIER, **method)

        assert exchanged(code, code_challenge_method="S256").status_code == 400
        assert exchanged(code, code_verifier=VERIFIER + "x").status_code == 403
        assert exchanged(code).status_code == 200

    def test_takes_a_challenge_in_the_other_alphabet_with_padding(self, api: Api):
        verifier = next(
            f"verifier {number}" for number in range(100) if "+" in standard(f"verifier {number}")
        )
        code = code_of(api, code_challenge=standard(verifier), code_challenge_method="S256")

        assert exchanged(code, code_verifier=verifier).status_code == 200

    def test_ends_after_ten_minutes(self, acme: Acme):
        codes = [allowed(acme), allowed(acme)]
        for code, age in zip(codes, (590, 600), strict=True):
            with tenant(acme.organization.pk):
                AuthCode.objects.filter(hash=hash_of(code)).update(
                    created_at=timezone.now() - timedelta(seconds=age)
                )

        assert exchanged(codes[0]).status_code == 200
        assert error_of(exchanged(codes[1])) == (403, "Authorization code expired")

    def test_is_refused_when_the_owner_left_the_workspace(self, acme: Acme):
        code = allowed(acme)
        with tenant(acme.organization.pk):
            acme_keys = ApiKey.objects.filter(owner=acme.bob)
            for key in acme_keys:
                api_keys.delete(key=key, by=STAGE)
            members.remove(workspace=acme.production, membership=acme.bob, by=STAGE)

        assert error_of(exchanged(code)) == INVALID

    def test_is_refused_when_the_owner_left_the_organization(self, acme: Acme):
        code = allowed(acme)
        with tenant(acme.organization.pk):
            remove_member(membership=acme.bob, by=STAGE)

        assert error_of(exchanged(code)) == INVALID

    def test_is_refused_when_the_workspace_is_gone(self, acme: Acme):
        with tenant(acme.organization.pk):
            empty = workspaces.create(organization=acme.organization, name="Empty", slug="empty", by=STAGE)
            made = allow(workspace=empty, owner=None, request=Request(callback_url=CALLBACK), by=STAGE)
            workspaces.delete(workspace=empty, by=STAGE)

        assert error_of(ANYBODY.post("/auth/keys", {"code": made.code})) == INVALID

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"code": ""},
            {"code": 7},
            {"code": None},
            {"code": "a\x00b"},
            {"code": "x" * 65536},
            {"code": "x", "code_verifier": None},
            {"code": "x", "code_verifier": 7},
            {"code": "x", "code_challenge_method": 7},
            {"code": "x", "key": "y"},
            [],
            b"\xff",
        ],
    )
    def test_refuses_what_it_does_not_understand(self, body: Any):
        assert error_of(ANYBODY.post("/auth/keys", body))[0] == 400

    def test_needs_no_key_and_minds_none(self, cast: Cast):
        secret = cast.globex.management_key.secret
        code = allowed(cast.acme)

        answer = Api(secret).post("/auth/keys", {"code": code, "code_verifier": VERIFIER})

        assert key_behind(cast.acme, answer.json()["key"]).owner == cast.acme.bob

    def test_may_be_done_by_a_page_of_any_site(self, acme: Acme):
        asked = ANYBODY.client.options("/api/v1/auth/keys")
        answers = (asked, exchanged(allowed(acme)), exchanged("auth_code_unknown"))

        assert [answer.status_code for answer in answers] == [204, 200, 403]
        assert {answer["Access-Control-Allow-Origin"] for answer in answers} == {"*"}
        assert not any(answer.has_header("Access-Control-Allow-Credentials") for answer in answers)
        assert {answer["Cache-Control"] for answer in answers} == {"no-store"}

    def test_gives_the_same_key_to_who_repeats_it_with_an_idempotency_key(self, acme: Acme):
        code = allowed(acme)
        proof = {"code": code, "code_verifier": VERIFIER}

        answers = [ANYBODY.post("/auth/keys", proof, Idempotency_Key="1") for _ in range(2)]
        others = [
            ANYBODY.post("/auth/keys", proof | {"code_verifier": "wrong"}, Idempotency_Key="1"),
            ANYBODY.post("/auth/keys", proof, Idempotency_Key="2"),
            ANYBODY.post("/auth/keys", proof),
        ]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
        assert [answer.status_code for answer in others] == [422, 403, 403]

    @pytest.mark.parametrize(("body", "status"), [({}, 400), ({"code": "auth_code_unknown"}, 403)])
    def test_is_refused_as_well_with_an_idempotency_key(self, acme: Acme, body: Any, status: int):
        assert ANYBODY.post("/auth/keys", body, Idempotency_Key="1").status_code == status

    def test_is_done_with_post_alone(self):
        assert ANYBODY.client.get("/api/v1/auth/keys").status_code == 405


@pytest.mark.django_db(transaction=True)
class TestTwoExchangesAtOnce:
    def test_give_one_key(self, acme: Acme):
        code = allowed(acme)

        statuses = at_once(lambda: exchanged(code).status_code, times=4)

        assert sorted(statuses) == [200, 403, 403, 403]
        with unscoped(reason="the test counts"):
            assert ApiKey.objects.filter(name="app.example").count() == 1


def standard(verifier: str) -> str:
    """The challenge in base64's own alphabet, padded."""
    return base64.b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
