"""The chat room's tokens at the gateway: whose policy they mean, and every way to misuse them (docs/chat.md)."""

from __future__ import annotations

import base64
import json
import time
import uuid

import pytest
from allauth.account.signals import password_reset
from django.test import Client

from accounts.models import Membership, User
from accounts.organizations import add_member, remove_member
from accounts.people import change as change_person
from config.lib import chat_tokens
from config.lib.chat_tokens import PREFIX, SECONDS, ChatSeat
from config.lib.scoping import tenant
from observability.journal_records import Begin, Refusal
from routing import guardrail_settings
from routing.guardrail_assignments import assign_members
from routing.models import Guardrail
from tests.cast import STAGE
from tests.chat_tokens import ORIGIN, signed_in, token_of
from tests.routing.gateway.process import CHAT, question
from tests.routing.gateway.test_server_tool_loop import DATETIME, call, script
from tests.routing.simulator.process import wait_until
from workspaces import members, workspaces
from workspaces.models import Workspace

pytestmark = pytest.mark.usefixtures("shell")

PAGE = {"Origin": ORIGIN}
SOON = 2


@pytest.fixture
def joiner(stage) -> Membership:
    """A new member of acme, whom a test may send away."""
    user = User.objects.create_user(f"{uuid.uuid4().hex}@acme.example", None)
    with tenant(stage.acme.organization.pk):
        return add_member(organization=stage.acme.organization, user=user, role=Membership.MEMBER, by=STAGE)


@pytest.fixture
def place(stage, joiner) -> Workspace:
    """A workspace that the new member is in."""
    with tenant(stage.acme.organization.pk):
        slug = f"room-{uuid.uuid4().hex[:8]}"
        made = workspaces.create(organization=stage.acme.organization, name="Room", slug=slug, by=STAGE)
        members.add(workspace=made, membership=joiner, by=STAGE)
        return made


def chat(gateway, token, model="test/echo", text="one two three", **headers):
    return gateway.post(token, question(model, text), **{**PAGE, **headers})


def refused_soon(gateway, token):
    began = time.monotonic()
    wait_until(lambda: chat(gateway, token).status == 401, what="a refusal")
    return time.monotonic() - began


class TestAToken:
    def test_opens_the_gateway_for_the_page_that_it_was_given_to(self, gateway, stage):
        token = token_of(signed_in(stage.acme.bob), stage.acme.default)

        answer = chat(gateway, token)

        assert answer.status == 200
        assert answer.json()["choices"][0]["message"]["content"]

    def test_is_booked_with_the_member_and_no_key(self, gateway, stage):
        token = token_of(signed_in(stage.acme.bob), stage.acme.production)

        identifier = chat(gateway, token).json()["id"]

        begun = [record for record in gateway.records() if isinstance(record, Begin)][-1]
        assert identifier.startswith("gen-")
        assert (begun.api_key_id, begun.member_id) == (None, stage.acme.bob.pk)
        assert begun.workspace_id == stage.acme.production.pk

    def test_that_runs_out_in_the_middle_lets_its_request_go_on_to_the_end(self, gateway, stage):
        work = script({"calls": [call("openrouter_datetime")], "milliseconds": 1500}, {"say": "$results"})
        talk = script(
            {"calls": [call("openrouter_subagent", task_name="t", task_description=work[0]["content"])]},
            {"say": "$results"},
        )
        helper = {"type": "openrouter:subagent", "parameters": {"model": "test/script", "tools": [DATETIME]}}
        given = chat_tokens.read(token_of(signed_in(stage.acme.bob), stage.acme.default))
        token = chat_tokens.sign(given.seat, given.origin, now=time.time() - SECONDS + SOON)

        answer = gateway.post(token, {"model": "test/script", "messages": talk, "tools": [helper]}, **PAGE)

        assert "+09:00" in answer.json()["choices"][0]["message"]["content"]
        assert refused_soon(gateway, token) < 3 * SOON

    def test_streams(self, gateway, stage):
        token = token_of(signed_in(stage.acme.bob), stage.acme.default)
        body = {"model": "test/echo", "input": "one two three", "stream": True}

        answer = gateway.post(token, body, "/api/v1/responses", **PAGE)

        assert answer.status == 200
        assert b"response.completed" in answer.body

    def test_lists_what_its_member_may_use(self, gateway, stage):
        token = token_of(signed_in(stage.acme.bob), stage.acme.default)

        answer = gateway.get("/api/v1/models/user", Authorization=f"Bearer {token}")

        assert answer.status == 200
        assert "test/echo" in [model["id"] for model in answer.json()["data"]]

    def test_is_one_member_s_in_one_workspace(self, gateway, stage):
        browser = signed_in(stage.acme.bob)
        tokens = [token_of(browser, place) for place in (stage.acme.default, stage.acme.production)]

        assert [chat(gateway, token).status for token in tokens] == [200, 200]

        begun = [record for record in gateway.records() if isinstance(record, Begin)][-2:]
        assert [one.workspace_id for one in begun] == [stage.acme.default.pk, stage.acme.production.pk]


class TestMisuse:
    """Every refusal is the same 401 that an unknown key gets."""

    @pytest.fixture
    def token(self, stage):
        return token_of(signed_in(stage.acme.bob), stage.acme.default)

    def test_by_another_page_is_refused(self, gateway, token):
        assert chat(gateway, token, Origin="https://evil.example").status == 401

    def test_without_a_page_is_refused(self, gateway, token):
        assert gateway.post(token, question("test/echo")).status == 401

    def test_from_a_page_of_no_origin_is_refused(self, gateway, token):
        assert chat(gateway, token, Origin="null").status == 401

    def test_of_a_list_by_another_page_is_refused(self, gateway, token):
        headers = {"Authorization": f"Bearer {token}", "Origin": "https://evil.example"}

        assert gateway.get("/api/v1/models/user", **headers).status == 401

    def test_after_its_minutes_is_refused(self, gateway, stage):
        seat = ChatSeat(stage.acme.bob.pk, stage.acme.default.pk, 1)
        old = chat_tokens.sign(seat, ORIGIN, now=time.time() - SECONDS - 1)

        assert chat(gateway, old).status == 401

    @pytest.mark.parametrize("place", ["seat", "origin", "time"])
    def test_with_another_content_is_refused(self, gateway, token, place):
        identifier, said, signature = token.removeprefix(PREFIX).split(".")
        content = json.loads(base64.urlsafe_b64decode(said + "=="))
        if place == "seat":
            content[0][0] += 1
        elif place == "origin":
            content[1] = "https://evil.example"
        else:
            content[2] += 10_000
        forged = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()

        answer = chat(gateway, f"{PREFIX}{identifier}.{forged.rstrip('=')}.{signature}")

        assert answer.status == 401

    @pytest.mark.parametrize(
        "text",
        ["", ".", "..", "1..", "unknown.e30.e30", "a.b.c.d", "1.%%%.%%%", "1.é.é", "x" * 480, "1.W10.W10"],
    )
    def test_of_nonsense_is_refused(self, gateway, text):
        assert chat(gateway, PREFIX + text).status == 401

    def test_as_the_key_of_the_management_api_is_refused(self, token):
        browser = Client()
        headers = {**PAGE, "Authorization": f"Bearer {token}"}

        for path in (
            "/api/v1/keys",
            "/api/v1/key",
            "/api/v1/workspaces",
            "/api/v1/credits",
            "/api/v1/activity",
        ):
            assert browser.get(path, headers=headers).status_code == 401, path

    def test_of_a_seat_that_is_not_the_session_s_is_refused(self, gateway, stage):
        mine = chat_tokens.read(token_of(signed_in(stage.globex.mallory), stage.globex.default, "globex"))
        seat = ChatSeat(stage.acme.bob.pk, stage.acme.default.pk, mine.seat.session_id)

        assert chat(gateway, chat_tokens.sign(seat, ORIGIN)).status == 401

    def test_of_a_workspace_of_another_organization_is_refused(self, gateway, stage):
        mine = chat_tokens.read(token_of(signed_in(stage.globex.mallory), stage.globex.default, "globex"))
        seat = ChatSeat(stage.globex.mallory.pk, stage.acme.default.pk, mine.seat.session_id)

        assert chat(gateway, chat_tokens.sign(seat, ORIGIN)).status == 401

    def test_of_a_workspace_that_he_is_not_in_is_refused(self, gateway, stage):
        mine = chat_tokens.read(token_of(signed_in(stage.acme.bob), stage.acme.default))
        seat = ChatSeat(stage.acme.bob.pk, stage.acme.research.pk, mine.seat.session_id)

        assert chat(gateway, chat_tokens.sign(seat, ORIGIN)).status == 401


class TestTheEnd:
    def test_comes_within_a_second_of_signing_out(self, gateway, stage):
        browser = signed_in(stage.acme.bob)
        token = token_of(browser, stage.acme.default)
        assert chat(gateway, token).status == 200

        browser.post("/accounts/logout/")

        assert refused_soon(gateway, token) < 1

    def test_leaves_other_sessions_alone(self, gateway, stage):
        browser, other = signed_in(stage.acme.bob), signed_in(stage.acme.bob)
        token, others = token_of(browser, stage.acme.default), token_of(other, stage.acme.default)

        browser.post("/accounts/logout/")
        refused_soon(gateway, token)

        assert chat(gateway, others).status == 200

    def test_comes_with_the_end_of_membership(self, gateway, stage, joiner):
        token = token_of(signed_in(joiner), stage.acme.default)
        assert chat(gateway, token).status == 200

        with tenant(stage.acme.organization.pk):
            remove_member(membership=joiner, by=STAGE)

        assert refused_soon(gateway, token) < 1

    def test_comes_with_the_end_of_a_seat(self, gateway, stage, joiner, place):
        token = token_of(signed_in(joiner), place)
        assert chat(gateway, token).status == 200

        with tenant(stage.acme.organization.pk):
            members.remove(workspace=place, membership=joiner, by=STAGE)

        assert refused_soon(gateway, token) < 1

    def test_comes_with_a_disabled_account(self, gateway, stage, joiner):
        token = token_of(signed_in(joiner), stage.acme.default)
        assert chat(gateway, token).status == 200

        change_person(user=joiner.user, is_active=False, by=STAGE)

        assert refused_soon(gateway, token) < 1

    def test_comes_with_another_password(self, gateway, stage, joiner):
        token = token_of(signed_in(joiner), stage.acme.default)
        assert chat(gateway, token).status == 200

        joiner.user.set_password("another one, and longer")
        joiner.user.save()
        password_reset.send(sender=User, request=None, user=joiner.user)

        assert refused_soon(gateway, token) < 1


class TestPolicy:
    def test_is_the_member_s_own(self, gateway, stage, joiner):
        token = token_of(signed_in(joiner), stage.acme.default)
        with tenant(stage.acme.organization.pk):
            guardrail = guardrail_settings.create(
                workspace=stage.acme.default, name="one model", allowed_models=["test/lorem"], by=STAGE
            )
            assign_members(guardrail=guardrail, memberships=[joiner], by=STAGE)

        wait_until(lambda: chat(gateway, token).status in (403, 404), what="a refusal")

        refusal = [record for record in gateway.records() if isinstance(record, Refusal)][-1]
        assert (refusal.member_id, refusal.api_key_id) == (joiner.pk, None)
        assert refusal.workspace_id == stage.acme.default.pk

    def test_counts_a_budget_on_the_member_without_a_key(self, gateway, stage, joiner):
        token = token_of(signed_in(joiner), stage.acme.default)
        assert chat(gateway, token, "test/flat").status == 200
        with tenant(stage.acme.organization.pk):
            guardrail = guardrail_settings.create(
                workspace=stage.acme.default,
                name="nothing to spend",
                limit_nano=0,
                limit_interval="d",
                by=STAGE,
            )
            assign_members(guardrail=guardrail, memberships=[joiner], by=STAGE)

        wait_until(lambda: chat(gateway, token, "test/flat").status == 403, what="a refusal")

    def test_follows_a_workspace_s_default_budget_that_is_set_later(self, gateway, stage, joiner, place):
        token = token_of(signed_in(joiner), place)
        assert chat(gateway, token, "test/flat").status == 200
        with tenant(stage.acme.organization.pk):
            default = Guardrail.default_of(place)
            guardrail_settings.change(guardrail=default, by=STAGE, limit_nano=0, limit_interval="d")

        wait_until(lambda: chat(gateway, token, "test/flat").status == 403, what="a refusal")


class TestAnotherOrigin:
    """Where the gateway has an address of its own, the dashboard's pages may read its answers, and no others."""

    DASHBOARD = "https://headgate.example"

    @pytest.fixture
    def apart(self, start_gateway):
        return start_gateway(HEADGATE_BASE_URL=self.DASHBOARD)

    def preflight(self, gateway, origin):
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        return gateway.request("OPTIONS", CHAT, None, headers)

    def test_of_the_dashboard_may_ask(self, apart):
        answer = self.preflight(apart, self.DASHBOARD)

        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == self.DASHBOARD
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in answer.headers

    def test_of_somebody_else_may_not(self, apart):
        answer = self.preflight(apart, "https://evil.example")

        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-headers" not in answer.headers

    def test_reads_errors_too(self, apart):
        answer = apart.post("sk-hg-v1-nothing", question("test/echo"), Origin=self.DASHBOARD)

        assert answer.status == 401
        assert answer.headers["access-control-allow-origin"] == self.DASHBOARD
