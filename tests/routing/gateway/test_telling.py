"""Operators are told of what goes wrong, in few lines and without a word of anybody's prompt."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from config.lib.ids import uuid7
from observability.journal import Journal
from routing.gateway.measuring import LEAST_ROOM_BYTES, readiness
from routing.gateway.telling import Sampler
from tests.routing.gateway.process import GatewayProcess
from tests.routing.simulator.process import wait_until

TOKEN = "t" * 24
CANARY = "canary-4711"


class TestTheSampler:
    def test_lets_one_line_of_a_kind_pass_and_counts_the_others(self):
        sampler = Sampler(seconds=1000)

        assert sampler.take("failure", "openai") == 0
        assert [sampler.take("failure", "openai") for _ in range(3)] == [None, None, None]
        assert sampler.take("failure", "anthropic") == 0

    def test_says_how_many_it_kept_back(self):
        sampler = Sampler(seconds=1000)
        sampler.take("a")
        sampler.take("a")
        sampler._seconds = 0.0

        assert sampler.take("a") == 1


class TestARequestId:
    def test_is_the_callers_where_it_brought_one(self, gateway, key):
        answer = gateway.post(key, {"model": "test/echo", "messages": []}, X_Request_Id="mine-1")

        assert answer.headers["x-request-id"] == "mine-1"

    def test_is_the_generations_where_not(self, gateway, key):
        answer = gateway.ask(key, "test/echo")

        assert answer.headers["x-request-id"] == answer.headers["x-generation-id"]

    def test_cannot_smuggle_anything(self, gateway, key):
        answer = gateway.post(key, {"model": "test/echo"}, X_Request_Id='a" b{')

        assert answer.headers["x-request-id"] == answer.headers["x-generation-id"]


class TestALogLine:
    @pytest.fixture
    def said(self, start_gateway, key) -> tuple[list[dict], str, str]:
        """The lines of a gateway after a refusal and a failure, both with an id of the caller's."""
        gateway = start_gateway(HEADGATE_LOG_FORMAT="json")
        gateway.post(
            key, {"model": "no/such", "messages": [{"role": "user", "content": CANARY}]}, X_Request_Id="r-1"
        )
        for _ in range(5):
            gateway.ask(key, "test/none-answers", CANARY)
        gateway.stop()
        return [json.loads(line) for line in gateway.log.splitlines()], gateway.log, key

    def test_is_json_and_names_the_request(self, said):
        lines, _, _ = said

        refused = [
            line for line in lines if line["logger"] == "headgate.requests" and "refused" in line["message"]
        ]
        assert [line["request_id"] for line in refused][:1] == ["r-1"]
        assert refused[0]["generation_id"].startswith("gen-")
        assert refused[0]["organization_id"] > 0
        assert refused[0]["level"] == "warning"

    def test_holds_neither_prompts_nor_keys(self, said):
        _, log, key = said

        assert CANARY not in log
        assert key not in log


class TestMetrics:
    def test_do_not_exist_where_nobody_set_a_token(self, gateway):
        assert gateway.status("/metrics") == 404

    def test_are_told_to_whoever_knows_the_token(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_METRICS_TOKEN=TOKEN)
        gateway.ask(key, "test/echo", CANARY, user="user-4711", session_id="session-4711")

        refused, told = gateway.get("/metrics"), gateway.get("/metrics", Authorization=f"Bearer {TOKEN}")

        text = told.body.decode()
        assert (refused.status, told.status) == (401, 200)
        assert (
            f'headgate_gateway_own_seconds_count{{role="gateway",pid="{gateway.process.pid}",dialect="chat"}} 1.0'
            in text
        )
        assert "headgate_upstream_first_seconds_count" in text
        for secret in ("4711", key, "acme", "test/echo"):
            assert secret not in text


class TestReadiness:
    def test_says_why(self, gateway):
        said = json.loads(gateway.get("/readyz").body)

        assert said["status"] == "ready"
        assert {name: check["ok"] for name, check in said["checks"].items()} == dict.fromkeys(
            ("database", "catalog", "policies", "journal", "draining"), True
        )

    def test_ends_before_a_full_disk_refuses_requests(self, tmp_path):
        journal = Journal.create(tmp_path, uuid7(), segment_bytes=1 << 20)
        runtime = SimpleNamespace(
            began_at=0.0,
            has_database=True,
            journal=journal,
            leases=SimpleNamespace(last_contact=0.0),
            limits=SimpleNamespace(stale_seconds=1e12),
            policies=SimpleNamespace(catalog=object(), heard_at=0.0),
        )
        before = readiness(runtime)["journal"]["ok"]

        journal.segment_bytes = 1 << 60  # no disk has room for another such segment
        with_room = readiness(runtime)["journal"]["ok"]
        journal._segment.position = journal._segment.begin_limit - LEAST_ROOM_BYTES + 1
        without = readiness(runtime)["journal"]["ok"]

        assert (before, with_room, without) == (True, True, False)
        journal.close()


class TestTheControlPlane:
    def test_is_ready_while_its_database_is_there(self, start_gateway):
        control = start_gateway(HEADGATE_PLANE="control")

        said = json.loads(control.get("/readyz").body)

        assert said["checks"] == {"database": {"ok": True}, "draining": {"ok": True}}

    def test_is_not_ready_without_its_database(self, stage, tmp_path):
        away = "postgres://headgate_app@127.0.0.1:1/headgate"
        control = GatewayProcess(tmp_path, HEADGATE_PLANE="control", DATABASE_URL=away)
        try:
            wait_until(lambda: control.status("/healthz") == 200, what="a control plane that lives")
            answer = control.get("/readyz")
        finally:
            control.stop()

        assert answer.status == 503
        assert json.loads(answer.body)["checks"]["database"] == {"ok": False}

    def test_names_its_requests(self, start_gateway):
        control = start_gateway(
            HEADGATE_PLANE="control", HEADGATE_METRICS_TOKEN=TOKEN, HEADGATE_ACCESS_LOG="true"
        )

        named = control.get("/api/v1/keys", X_Request_Id="mine-2")
        unnamed = control.get("/invitations/secret-4711")
        told = control.get("/metrics", Authorization=f"Bearer {TOKEN}").body.decode()

        assert named.headers["x-request-id"] == "mine-2"
        assert len(unnamed.headers["x-request-id"]) == 32
        assert 'route="/api/v1/keys",status="401"' in told
        assert 'route="/invitations/<str:token>"' in told
        assert "4711" not in told + control.log
        assert '"request_id": "mine-2"' in control.log
