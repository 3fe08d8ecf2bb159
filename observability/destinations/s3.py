"""S3 and what speaks its protocol: one JSON object per trace (https://docs.aws.amazon.com/AmazonS3/latest/API/)."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from config.lib.aws_signature import AwsCredential, Scope, signed_headers
from config.lib.declared import Choice, NotValid, Text
from config.lib.environment import environment
from config.lib.outbound import CallFailed, Reply
from observability.destinations.assumed_roles import AssumedRoles, RoleRefused, may_assume_roles
from observability.destinations.destination import Config, DestinationKind, Door, Limits, Probed
from observability.destinations.exchange import Outcome, VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import described, dollars, shown_by
from observability.destinations.judging import merged
from observability.destinations.otlp import encoded
from observability.trace import Trace

ACCESS_KEYS: Final = "access_keys"
IAM_ROLE: Final = "iam_role"
ROLE_FORM: Final = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}"
VARIABLES: Final = frozenset({"prefix", "date", "year", "month", "day", "apiKeyName"})
_variable = re.compile(r"\{([^{}]*)\}")
_unsafe = re.compile(r"[^A-Za-z0-9._-]+")
PROBE_KEY: Final = "headgate-connection-test.json"


class S3(DestinationKind):
    """Our own signatures, so that the checked way out is used and no library connects by itself.

    `iam_role` assumes a role of the customer's with the operator's keys and an external id that is made here.
    """

    slug = "s3"
    name = "S3 and compatible"
    about = "One JSON file per trace, in a bucket of your own."
    fields = (
        Text(name="bucketName", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", help="The bucket."),
        Choice(name="authMode", values=(ACCESS_KEYS, IAM_ROLE), help="How we sign in."),
        Text(name="accessKeyId", help="With access keys: the key's id."),
        Text(name="secretAccessKey", most=500, help="With access keys: the key."),
        Text(name="sessionToken", most=4000, help="Of temporary access keys."),
        Text(name="roleArn", most=600, pattern=ROLE_FORM, help="With a role: its ARN."),
        Text(
            name="externalId", pattern=r"[\w+=,.@:/-]{2,200}", help="Made by us; for the role's trust policy."
        ),
        Text(name="region", pattern=r"[a-z0-9-]{2,40}", help="The bucket's region."),
        Address(name="endpoint", help="Of a compatible service; without it, Amazon's."),
        Choice(name="provider", values=("aws", "cloudflare_r2", "gcs", "other"), help="Whose service it is."),
        Text(name="prefix", most=200, pattern=r"[A-Za-z0-9._/-]+", help="What {prefix} stands for."),
        Text(
            name="pathTemplate",
            most=500,
            help="The folder: {prefix} {date} {year} {month} {day} {apiKeyName}",
        ),
    )
    required = ("bucketName",)
    secrets = frozenset({"secretAccessKey", "sessionToken"})
    made_here = frozenset({"externalId"})
    """With an external id of somebody else's, his role could be assumed for one's own bucket."""
    addresses = frozenset({"endpoint"})
    defaults = {
        "authMode": ACCESS_KEYS,
        "prefix": "openrouter-traces",
        "pathTemplate": "{prefix}/{date}",
    }
    limits = Limits(traces=50, bytes=8 << 20)
    verified_against = "moto's S3 and STS, a real server; signatures against botocore's"

    def __init__(self) -> None:
        self._roles = AssumedRoles()

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        config = super().read_config(given)
        unknown = set(_variable.findall(config["pathTemplate"])) - VARIABLES
        if unknown or ".." in config["pathTemplate"] or "\n" in config["pathTemplate"]:
            known = " ".join(f"{{{name}}}" for name in sorted(VARIABLES))
            raise NotValid("config.pathTemplate", f"may use {known} and no other variable.")
        if config["authMode"] == IAM_ROLE:
            return _with_role(config)
        for name in ("accessKeyId", "secretAccessKey"):
            if name not in config:
                raise NotValid(f"config.{name}", "is required with access keys.")
        return config

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        credential = AwsCredential(
            config["accessKeyId"], config["secretAccessKey"], config.get("sessionToken")
        )
        return self._requests(config, traces, credential)

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        try:
            credential = self._credential(config, door)
        except RoleRefused as error:
            carried = frozenset(range(len(traces)))
            return Outcome(retry=carried, is_misconfigured=error.is_final, error=str(error))
        requests = self._requests(config, traces, credential)
        replies = door.send_all(requests)
        return merged(self.judge(*pair) for pair in zip(requests, replies, strict=True))

    def judge(self, request: VendorRequest, reply: Reply | CallFailed) -> Outcome:
        """A redirect names the bucket's region, which has to be set."""
        outcome = super().judge(request, reply)
        region = reply.headers.get("x-amz-bucket-region") if isinstance(reply, Reply) else None
        if outcome.is_misconfigured and region and re.fullmatch(r"[a-z0-9-]{2,40}", region):
            error = f"{outcome.error}: the bucket is in {region}"
            return Outcome(
                retry=outcome.retry, is_misconfigured=True, http_status=outcome.http_status, error=error
            )
        return outcome

    def probe(self, config: Config, door: Door) -> Probed:
        """Writes one small object, because the permission to write is all that is asked for."""
        try:
            credential = self._credential(config, door)
            request = _put(config, PROBE_KEY, b"{}\n", credential, ())
            return shown_by(door.send(request))
        except RoleRefused as error:
            return Probed(is_ok=False, message=str(error))
        except CallFailed as error:
            return Probed(is_ok=False, message=f"No answer: {error}")

    def _requests(
        self, config: Config, traces: Sequence[Trace], credential: AwsCredential
    ) -> list[VendorRequest]:
        return [
            _put(config, _key(config, trace), encoded(_object(trace)), credential, (number,))
            for number, trace in enumerate(traces)
        ]

    def _credential(self, config: Config, door: Door) -> AwsCredential:
        """Raises RoleRefused."""
        if config["authMode"] == IAM_ROLE:
            return self._roles.credential(config["roleArn"], config["externalId"], door, time.time())
        return AwsCredential(config["accessKeyId"], config["secretAccessKey"], config.get("sessionToken"))


def _with_role(config: dict[str, Any]) -> dict[str, Any]:
    if "roleArn" not in config:
        raise NotValid("config.roleArn", "is required with a role.")
    if config.get("endpoint") or config.get("provider", "aws") != "aws":
        raise NotValid("config.authMode", "iam_role is for Amazon's own S3.")
    if not may_assume_roles(environment()):
        raise NotValid("config.authMode", "iam_role needs the operator's AWS keys, which are not set here.")
    return {"externalId": str(uuid.uuid4()), **config}


def _put(
    config: Config, key: str, body: bytes, credential: AwsCredential, numbers: tuple[int, ...]
) -> VendorRequest:
    region = config.get("region") or ("auto" if config.get("provider") == "cloudflare_r2" else "us-east-1")
    url = f"{_base(config, region)}/{quote(key, safe='/~')}"
    headers = {name.lower(): text for name, text in with_headers(config, {}).items()}
    signed = signed_headers(
        url,
        {**headers, "content-type": "application/json"},
        body,
        credential=credential,
        scope=Scope(region, "s3"),
        now=datetime.now(UTC),
        method="PUT",
    )
    return VendorRequest(url=url, headers=signed, body=body, traces=numbers, method="PUT")


def _base(config: Config, region: str) -> str:
    """A bucket's address: in the path at compatible services and for names with dots, which no certificate covers."""
    bucket, endpoint = config["bucketName"], config.get("endpoint")
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}"
    if "." in bucket:
        return f"https://s3.{region}.amazonaws.com/{bucket}"
    return f"https://{bucket}.s3.{region}.amazonaws.com"


def _key(config: Config, trace: Trace) -> str:
    ended = datetime.fromtimestamp(trace.ended_ns / 1e9, UTC)
    values = {
        "prefix": config["prefix"].strip("/"),
        "date": f"{ended:%Y-%m-%d}",
        "year": f"{ended:%Y}",
        "month": f"{ended:%m}",
        "day": f"{ended:%d}",
        "apiKeyName": _unsafe.sub("-", trace.api_key_name).strip("-.") or "unnamed",
    }
    folder = _variable.sub(lambda found: values[found.group(1)], config["pathTemplate"]).strip("/")
    # Several generations may share a trace, so the generation's own id tells their files apart.
    suffix = "" if trace.trace_id in trace.generation_id else f"-{trace.span_id}"
    name = f"{trace.trace_id}-{trace.ended_ns // 1_000_000_000}{suffix}.json"
    return f"{folder}/{name}" if folder else name


def _object(trace: Trace) -> dict[str, Any]:
    metadata = described(trace)
    return {
        "id": trace.trace_id,
        "name": trace.trace_name or "OpenRouter Request",
        "userId": trace.user,
        "sessionId": trace.session_id,
        "timestamp": datetime.fromtimestamp(trace.started_ns / 1e9, UTC).isoformat(),
        "input": trace.input,
        "output": trace.output,
        "metadata": metadata,
        "tags": list(trace.tags),
        "observations": [_observation(trace, metadata)],
    }


def _observation(trace: Trace, metadata: dict[str, Any]) -> dict[str, Any]:
    usage = trace.usage
    return {
        "id": trace.span_id,
        "parentObservationId": trace.parent_span_id,
        "type": "TOOL" if trace.is_tool_run else "GENERATION",
        "generationId": trace.generation_id,
        "name": trace.generation_name or "LLM Generation",
        "model": trace.response_model,
        "provider": trace.provider,
        "modelParameters": trace.parameters,
        "startTime": datetime.fromtimestamp(trace.started_ns / 1e9, UTC).isoformat(),
        "endTime": datetime.fromtimestamp(trace.ended_ns / 1e9, UTC).isoformat(),
        "level": "ERROR" if trace.is_error else "DEFAULT",
        "statusMessage": trace.error,
        "finishReason": trace.finish_reason,
        "input": trace.input,
        "output": trace.output,
        "usage": {
            "input": usage.input,
            "output": usage.output,
            "total": usage.total,
            "cached": usage.cached,
            "reasoning": usage.reasoning,
        },
        "cost": {
            "input": dollars(usage.input_cost_nano),
            "output": dollars(usage.output_cost_nano),
            "total": dollars(usage.total_cost_nano),
        },
        "metadata": metadata,
    }
