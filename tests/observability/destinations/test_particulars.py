"""What single kinds of destinations do that the others do not."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from accounts.notifications.standard_webhooks import new_secret
from config.lib.declared import NotValid
from config.lib.environment import environment
from observability.destination_config import merged_config
from observability.destinations import DESTINATIONS
from observability.destinations.bigquery import BigQuery
from observability.destinations.otel_collector import OtelCollector
from observability.destinations.s3 import S3
from observability.destinations.snowflake import Snowflake
from tests.observability.destinations.receiver import Got, ReroutedDoor, Vendor, listening
from tests.observability.destinations.traces import PARENT_SPAN_ID, a_trace
from tests.observability.destinations.vendors import attributes_of, otlp, spans_of

BATCH = [a_trace(number) for number in range(3)]
OTEL = {"endpoint": "https://otel.example/v1/traces"}


@contextmanager
def playing(answer: Any) -> Iterator[tuple[Vendor, ReroutedDoor]]:
    """A vendor that answers so, and the way to it."""
    with listening(Vendor(answer)) as vendor:
        door = ReroutedDoor(vendor.origin)
        yield vendor, door
        door.close()


class TestOtlp:
    def test_tells_a_number_that_is_larger_than_its_integers(self):
        kind = OtelCollector()

        [request] = kind.requests(kind.read_config(OTEL), [a_trace(custom={"a": 10**300, "b": -(2**63)})])

        root = spans_of(otlp(Got("POST", "", "", {}, request.body)))[0]
        assert attributes_of(root)["trace.metadata.a"] == 1e300
        assert attributes_of(root)["trace.metadata.b"] == -(2.0**63)

    def roots(self, **changes: Any) -> list[dict[str, Any]]:
        kind = OtelCollector()
        [request] = kind.requests(kind.read_config(OTEL), [a_trace(**changes)])
        return spans_of(otlp(Got("POST", "", "", {}, request.body)))

    def test_has_one_span_for_the_generation_between_the_callers_and_the_attempts(self):
        kind = OtelCollector()
        [request] = kind.requests(kind.read_config(OTEL), [a_trace()])
        spans = spans_of(json.loads(request.body))
        by_name = {span["name"]: span for span in spans}

        root, wrapper = by_name["Generate Summary"], by_name["Summarize"]
        assert wrapper["parentSpanId"] == PARENT_SPAN_ID
        assert root["parentSpanId"] == wrapper["spanId"]
        assert {span["parentSpanId"] for span in spans if span not in (root, wrapper)} == {root["spanId"]}
        assert sorted(by_name) == [
            *("Generate Summary", "Summarize", "generation"),
            *("provider attempt 1: OpenAI", "provider attempt 2: Azure"),
        ]

    def test_tells_what_was_charged_and_counted(self):
        told = attributes_of(self.roots()[0])

        assert told["gen_ai.usage.total_cost"] == 0.02
        assert told["gen_ai.usage.input_tokens"] == "100"
        assert told["gen_ai.usage.input_tokens.cached"] == "20"
        assert told["gen_ai.request.model"] == "openai/gpt-4o"
        assert told["trace.metadata.team"] == "support"
        assert json.loads(told["trace.metadata.deep"]) == {"a": {"b": {"c": {"d": 1}}}}
        assert told["session.id"] == "session-0"

    def test_falls_back_to_protobuf_and_remembers_it(self):
        kinds: list[str] = []

        def answer(got: Got) -> tuple[int, bytes, dict[str, str]]:
            kinds.append(got.headers["content-type"])
            if got.headers["content-type"] != "application/x-protobuf":
                return 415, b"", {}
            export = ExportTraceServiceRequest.FromString(got.body)
            assert export.resource_spans[0].scope_spans[0].spans[0].trace_id.hex() == BATCH[0].trace_id
            return 200, b"", {}

        kind = OtelCollector()
        with playing(answer) as (_, door):
            config = kind.read_config(OTEL)
            outcomes = [kind.send(config, BATCH, door) for _ in range(2)]

        assert [each.error for each in outcomes] == ["", ""]
        assert kinds == ["application/json", "application/x-protobuf", "application/x-protobuf"]

    def test_does_not_take_a_partial_success_for_one(self):
        answer = json.dumps({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}).encode()
        kind = OtelCollector()
        with playing(lambda _got: (200, answer, {})) as (_, door):
            outcome = kind.send(kind.read_config(OTEL), BATCH, door)

        assert outcome.split == {0, 1, 2}

    def test_takes_an_empty_partial_success_for_one(self):
        kind = OtelCollector()
        with playing(lambda _got: (200, b'{"partialSuccess":{}}', {})) as (_, door):
            outcome = kind.send(kind.read_config(OTEL), BATCH, door)

        assert (outcome.split, outcome.error) == (frozenset(), "")


class TestAWebhook:
    def test_is_signed_as_standard_webhooks_says(self):
        kind, secret = DESTINATIONS["webhook"], new_secret()
        config = kind.read_config({"url": "https://hooks.example/x", "signingSecret": secret})
        with playing(lambda _got: (200, b"", {})) as (vendor, door):
            kind.send(config, BATCH, door)

        [got] = vendor.got
        signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
        expected = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
        assert b64decode(got.headers["webhook-signature"].removeprefix("v1,")) == expected
        assert got.headers["webhook-id"] == got.headers["idempotency-key"]

    def test_passes_its_test_with_400(self):
        kind = DESTINATIONS["webhook"]
        with playing(lambda _got: (400, b"", {})) as (vendor, door):
            shown = kind.probe(kind.read_config({"url": "https://hooks.example/x"}), door)

        assert shown.is_ok
        assert vendor.got[0].headers["x-test-connection"] == "true"
        assert json.loads(vendor.got[0].body) == {"resourceSpans": []}

    def test_can_be_put(self):
        kind = DESTINATIONS["webhook"]
        config = kind.read_config({"url": "https://hooks.example/x", "method": "PUT"})
        with playing(lambda _got: (200, b"", {})) as (vendor, door):
            kind.send(config, BATCH, door)

        assert vendor.got[0].method == "PUT"


class TestS3:
    CONFIG = {"bucketName": "bucket", "accessKeyId": "AKIA1", "secretAccessKey": "s", "region": "eu-west-1"}

    def test_signs_as_botocore_does(self):
        kind = S3()
        [request] = kind.requests(kind.read_config(self.CONFIG), [a_trace(api_key_name="a b/ü")])

        moment = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        theirs = AWSRequest("PUT", request.url, {"content-type": "application/json"}, request.body)
        theirs.context["timestamp"] = f"{moment:%Y%m%dT%H%M%SZ}"
        signer = S3SigV4Auth(Credentials("AKIA1", "s"), "s3", "eu-west-1")
        theirs.headers["X-Amz-Content-SHA256"] = hashlib.sha256(request.body).hexdigest()
        theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
        canonical = signer.canonical_request(theirs)
        signature = signer.signature(signer.string_to_sign(theirs, canonical), theirs)

        assert request.headers["authorization"].endswith(f"Signature={signature}")

    @pytest.mark.parametrize(
        ("template", "folder"),
        [
            ("{prefix}/{date}", "openrouter-traces/2026-09-21"),
            ("t/{year}/{month}/{day}", "t/2026/09/21"),
            ("{apiKeyName}/{date}", "production-eu/2026-09-21"),
        ],
    )
    def test_names_objects_by_the_template(self, template, folder):
        kind = S3()
        config = kind.read_config({**self.CONFIG, "pathTemplate": template})

        [request] = kind.requests(config, [a_trace()])

        assert request.url.startswith(
            f"https://bucket.s3.eu-west-1.amazonaws.com/{folder}/{a_trace().trace_id}-"
        )

    @pytest.mark.parametrize("template", ["{secret}", "a/../b", "{date}/{x}"])
    def test_refuses_a_template_that_means_nothing(self, template):
        with pytest.raises(NotValid) as refused:
            S3().read_config({**self.CONFIG, "pathTemplate": template})

        assert refused.value.path == "config.pathTemplate"

    def test_tells_the_region_of_the_bucket(self):
        kind = S3()
        with playing(lambda _got: (301, b"", {"x-amz-bucket-region": "us-west-2"})) as (_, door):
            outcome = kind.send(kind.read_config(self.CONFIG), BATCH, door)

        assert outcome.is_misconfigured
        assert "us-west-2" in outcome.error

    def test_needs_the_operators_keys_to_assume_a_role(self):
        with pytest.raises(NotValid, match="operator"):
            S3().read_config({"bucketName": "bucket", "authMode": "iam_role", "roleArn": ROLE})

    def test_lets_nobody_choose_the_external_id(self, aws_keys):
        given = {"bucketName": "bucket", "authMode": "iam_role", "roleArn": ROLE}
        made = merged_config(S3(), None, given)

        again = merged_config(S3(), made, {"externalId": made["externalId"], "prefix": "other"})
        with pytest.raises(NotValid) as at_first:
            merged_config(S3(), None, given | {"externalId": "somebody-elses"})
        with pytest.raises(NotValid) as later:
            merged_config(S3(), made, {"externalId": "somebody-elses"})

        assert again["externalId"] == made["externalId"]
        assert {at_first.value.path, later.value.path} == {"config.externalId"}

    def test_assumes_a_role_once_with_an_external_id_made_here(self, aws_keys):
        kind = S3()
        config = kind.read_config({"bucketName": "bucket", "authMode": "iam_role", "roleArn": ROLE})

        def answer(got: Got) -> tuple[int, bytes, dict[str, str]]:
            if got.method == "POST":
                form = parse_qs(got.body.decode())
                assert form["ExternalId"] == [config["externalId"]]
                assert form["RoleArn"] == [ROLE]
                return 200, ASSUMED, {"Content-Type": "text/xml"}
            return (200 if got.headers["x-amz-security-token"] == "token" else 403), b"", {}

        with playing(answer) as (vendor, door):
            outcomes = [kind.send(config, BATCH, door) for _ in range(2)]

        assert [each.error for each in outcomes] == ["", ""]
        assert [each.method for each in vendor.got].count("POST") == 1

    def test_that_may_not_assume_a_role_is_misconfigured(self, aws_keys):
        kind = S3()
        config = kind.read_config({"bucketName": "bucket", "authMode": "iam_role", "roleArn": ROLE})
        with playing(lambda _got: (403, b"<Error/>", {})) as (_, door):
            outcome = kind.send(config, BATCH, door)

        assert outcome.is_misconfigured
        assert outcome.retry == {0, 1, 2}


ROLE = "arn:aws:iam::123456789012:role/traces"
ASSUMED = b"""<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""


@pytest.fixture
def aws_keys(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("HEADGATE_AWS_ACCESS_KEY_ID", "AKIAOURS")
    monkeypatch.setenv("HEADGATE_AWS_SECRET_ACCESS_KEY", "ours")
    environment.cache_clear()
    yield
    monkeypatch.undo()
    environment.cache_clear()


class TestSnowflake:
    CONFIG = {"account": "eac.us-east-1", "token": "t"}

    def sent(self, statuses: list[int]) -> tuple[Any, Vendor]:
        def answer(got: Got) -> tuple[int, bytes, dict[str, str]]:
            return statuses.pop(0), b'{"statementHandle":"01b2-33"}', {}

        kind = Snowflake(sleep=lambda _seconds: None)
        with playing(answer) as (vendor, door):
            return kind.send(kind.read_config(self.CONFIG), BATCH, door), vendor

    def test_waits_for_a_statement_that_runs_longer(self):
        outcome, vendor = self.sent([202, 202, 200])

        assert outcome.error == ""
        assert [each.method for each in vendor.got] == ["POST", "GET", "GET"]
        assert vendor.got[1].path == "/api/v2/statements/01b2-33"

    def test_asks_again_with_the_same_id_when_it_still_runs(self):
        outcome, _ = self.sent([202] * 7)

        assert outcome.retry == {0, 1, 2}
        assert not outcome.is_misconfigured

    def test_quotes_nothing_that_could_be_more_than_a_name(self):
        for name in ("database", "schema", "table", "warehouse"):
            with pytest.raises(NotValid) as refused:
                Snowflake().read_config({**self.CONFIG, name: 'x"; DROP TABLE y; --'})
            assert refused.value.path == f"config.{name}"

    @pytest.mark.parametrize("account", ["evil.example/", "a@b", "x#", "", "127.0.0.1:80"])
    def test_refuses_an_account_that_would_lead_elsewhere(self, account):
        with pytest.raises(NotValid):
            Snowflake().read_config({**self.CONFIG, "account": account})


KEY = (
    generate_private_key(65537, 2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


class TestBigQuery:
    ACCOUNT = {"client_email": "a@p.iam.gserviceaccount.com", "private_key": KEY, "private_key_id": "k1"}
    CONFIG = {"projectId": "my-project", "serviceAccountKeyJson": json.dumps(ACCOUNT)}
    TABLE = "/bigquery/v2/projects/my-project/datasets/openrouter/tables/openrouter_traces"

    def answered(self, insertion: bytes = b"{}", may: bool = True, token: int = 200) -> Any:
        def answer(got: Got) -> tuple[int, bytes, dict[str, str]]:
            if got.path == "/token":
                assert (
                    "urn:ietf:params:oauth:grant-type:jwt-bearer" in parse_qs(got.body.decode())["grant_type"]
                )
                return token, b'{"access_token":"ya29","expires_in":3600}', {}
            if got.headers["authorization"] != "Bearer ya29":
                return 401, b"{}", {}
            if got.path == f"{self.TABLE}/insertAll":
                return 200, insertion, {}
            if got.path == f"{self.TABLE}:testIamPermissions":
                return 200, b'{"permissions":["bigquery.tables.updateData"]}' if may else b"{}", {}
            return (200 if got.path == self.TABLE and got.method == "GET" else 404), b"{}", {}

        return answer

    def test_inserts_rows_that_name_themselves_with_one_token(self):
        kind = BigQuery()
        with playing(self.answered()) as (vendor, door):
            config = kind.read_config(self.CONFIG)
            outcomes = [kind.send(config, BATCH, door) for _ in range(2)]

        assert [each.error for each in outcomes] == ["", ""]
        assert [each.path for each in vendor.got].count("/token") == 1
        rows = json.loads(vendor.got[1].body)["rows"]
        assert [row["insertId"] for row in rows] == [trace.generation_id for trace in BATCH]
        assert rows[0]["json"]["tags"] == ["blue", "green"]
        assert rows[0]["json"]["total_cost"] == 0.02

    def test_tells_rows_that_were_refused_from_those_that_went_down_with_them(self):
        told = {
            "insertErrors": [
                {"index": 1, "errors": [{"reason": "invalid"}]},
                {"index": 0, "errors": [{"reason": "stopped"}]},
                {"index": 2, "errors": [{"reason": "stopped"}]},
            ]
        }
        kind = BigQuery()
        with playing(self.answered(json.dumps(told).encode())) as (_, door):
            outcome = kind.send(kind.read_config(self.CONFIG), BATCH, door)

        assert (outcome.poisoned, outcome.retry) == ({1}, {0, 2})

    def test_is_tested_by_reading_the_table_and_asking_for_the_permission(self):
        kind = BigQuery()
        with playing(self.answered()) as (_, door):
            assert kind.probe(kind.read_config(self.CONFIG), door).is_ok
        with playing(self.answered(may=False)) as (_, door):
            assert "may not insert" in kind.probe(kind.read_config(self.CONFIG), door).message

    def test_whose_key_google_does_not_take_is_misconfigured(self):
        kind = BigQuery()
        with playing(self.answered(token=400)) as (_, door):
            outcome = kind.send(kind.read_config(self.CONFIG), BATCH, door)

        assert outcome.is_misconfigured

    @pytest.mark.parametrize(
        "change",
        [{"token_uri": "https://evil.example/token"}, {"private_key": "none"}, {"client_email": 3}],
    )
    def test_refuses_a_key_file_that_is_none(self, change):
        given = {**self.CONFIG, "serviceAccountKeyJson": json.dumps(self.ACCOUNT | change)}

        with pytest.raises(NotValid) as refused:
            BigQuery().read_config(given)

        assert refused.value.path == "config.serviceAccountKeyJson"
        assert "evil" not in str(refused.value)
