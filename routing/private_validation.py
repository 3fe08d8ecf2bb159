"""Trying a draft out: live calls as the gateway would make them, within half a minute, and what is wrong if so.

What the upstream says is told only as the class of its status and as a kind of fault: an address that a user steers may
lead to what is not his to read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec.structs import replace as structs_replace

from accounts.revisions import Actor
from config.lib.outbound import CallFailed, ForbiddenAddress, Reply, post
from routing.call import Call
from routing.catalog_snapshot import EndpointEntry, Price
from routing.models import ByokCredential, LanguageModel, PrivateEndpoint
from routing.models.private_endpoint import DRAFT
from routing.private_endpoints import NotNow, note_validated, outbound_rules
from routing.private_entries import NoCredential, UnopenedCredential, credential_of, entry_of
from routing.private_upstreams import OF_CREDENTIAL, UnusableUpstream, check_address, names_of
from routing.provider_failures import ProviderFailure
from routing.providers import WIRE_FORMATS, CannotAsk
from workspaces.models import Workspace

SECONDS = 30.0
"""For everything together."""
MOST_BYTES = 1 << 20
GENERATION_ID = "gen-validation"
LONGEST_NAME = 200
UNPRICED = Price(0, 0, 0)

CREDENTIAL, BASE_URL, RESPONSE = "credential", "base_url", "response"
USAGE, MODEL, STREAM = "usage", "model", "stream"
NO_BYOK_KEY, KEY_DECRYPTION_FAILED, INVALID_BASE_URL = (
    "no_byok_key",
    "key_decryption_failed",
    "invalid_base_url",
)
UPSTREAM_ERROR, INVALID_RESPONSE, INVALID_STREAM = "upstream_error", "invalid_response", "invalid_stream"
MISSING_USAGE, MODEL_MISMATCH = "missing_usage", "model_mismatch"
REASONS: Final = (
    *(NO_BYOK_KEY, KEY_DECRYPTION_FAILED, INVALID_BASE_URL, UPSTREAM_ERROR, INVALID_RESPONSE, INVALID_STREAM),
    *(MISSING_USAGE, MODEL_MISMATCH),
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `upstream_status` is the class of the status: 200, 400, 500."""

    name: str
    passed: bool = True
    reason: str | None = None
    upstream_status: int | None = None
    actual_model: str | None = None


@dataclass(frozen=True)
class Validation:
    """All that was looked at, up to what failed so that nothing else could be."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


class Faulty(Exception):
    """A check failed, after which there is nothing left to check."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.reason)
        self.check = check


def validate(*, endpoint: PrivateEndpoint, workspace: Workspace, by: Actor) -> Validation:
    """Try the draft out with the workspace's credential, and note it when it passes.

    Raises NotNow, EndpointGone. No lock is held while the upstream is asked.
    """
    if endpoint.status != DRAFT:
        raise NotNow("Only a draft can be validated.")
    validation = Validation(tuple(_checks(endpoint, workspace)))
    if validation.passed:
        note_validated(endpoint=endpoint, by=by)
    return validation


def question_to(model: str) -> Call:
    """The shortest question that the model can be asked."""
    listed = LanguageModel.objects.filter(slug=model).first()
    is_embedder = listed is not None and "embeddings" in listed.output_modalities
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Say OK."}]}
    return Call(
        dialect="embeddings" if is_embedder else "chat",
        models=(model,),
        body={"model": model, **({"input": "OK"} if is_embedder else asked)},
        is_streamed=False,
        prompt_tokens=10,
        max_tokens=None,
    )


def whole_answer(entry: EndpointEntry, call: Call, deadline: float) -> Iterator[Check]:
    """The answer in one piece, the usage in it, and the model that it says it is of. Raises Faulty."""
    reply = _send(entry, call, RESPONSE, deadline)
    answer = WIRE_FORMATS[entry.provider.wire_format].parse_response(reply.body, call=call)
    if isinstance(answer, ProviderFailure):
        raise Faulty(Check(RESPONSE, False, INVALID_RESPONSE))
    yield Check(RESPONSE)
    yield _usage(answer.usage)
    said = answer.body.get("model")
    yield _model(entry, said if isinstance(said, str) else None)


def _checks(endpoint: PrivateEndpoint, workspace: Workspace) -> Iterator[Check]:
    deadline = time.monotonic() + SECONDS
    try:
        entry = _entry(endpoint, workspace)
        yield Check(CREDENTIAL)
        _require_address(endpoint)
        yield Check(BASE_URL)
        call = question_to(endpoint.model_slug)
        yield from whole_answer(entry, call, deadline)
        if call.dialect != "embeddings":
            yield _streamed(entry, structs_replace(call, is_streamed=True), deadline)
    except Faulty as fault:
        yield fault.check


def _entry(endpoint: PrivateEndpoint, workspace: Workspace) -> EndpointEntry:
    own = ByokCredential.objects.for_organization(endpoint.organization_id).live()
    usable = own.usable_in(workspace).filter(provider=endpoint.provider).in_order()
    try:
        credential = credential_of(endpoint, usable, None)
    except NoCredential:
        raise Faulty(Check(CREDENTIAL, False, NO_BYOK_KEY)) from None
    except UnopenedCredential:
        raise Faulty(Check(CREDENTIAL, False, KEY_DECRYPTION_FAILED)) from None
    name = names_of([endpoint.provider])[endpoint.provider]
    return entry_of(endpoint, name=name, price=UNPRICED, credential=credential)


def _require_address(endpoint: PrivateEndpoint) -> None:
    """What was fine when it was written down may be forbidden by now."""
    try:
        check_address(endpoint.wire_format, endpoint.base_url, outbound_rules())
    except UnusableUpstream:
        raise Faulty(Check(BASE_URL, False, INVALID_BASE_URL)) from None


def _streamed(entry: EndpointEntry, call: Call, deadline: float) -> Check:
    """The answer as a stream, to its end. Raises Faulty."""
    reply = _send(entry, call, STREAM, deadline)
    wire = WIRE_FORMATS[entry.provider.wire_format]
    stream = wire.open_stream(generation_id=GENERATION_ID, model=entry.model, provider=entry.provider.name)
    stream.feed(reply.body)
    if not stream.is_done:
        stream.end()
    if stream.failure is not None or not stream.has_output:
        return Check(STREAM, False, INVALID_STREAM)
    return replace(_usage(stream.usage), name=STREAM)


def _usage(usage: Any) -> Check:  # JSON may be anything
    counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    is_there = isinstance(counted, int) and not isinstance(counted, bool)
    return Check(USAGE) if is_there else Check(USAGE, False, MISSING_USAGE)


def _model(entry: EndpointEntry, said: str | None) -> Check:
    """Whether the upstream says that it is the model; dates and paths may be added, and deployments have names."""
    asked = entry.upstream_model
    if said is None or said == asked or entry.provider.wire_format in OF_CREDENTIAL:
        return Check(MODEL)
    short, shown = asked.rpartition("/")[2].casefold(), said.rpartition("/")[2].casefold()
    is_same = short in shown or shown in short
    actual = said[:LONGEST_NAME]
    return Check(MODEL, is_same, None if is_same else MODEL_MISMATCH, actual_model=actual)


def _send(entry: EndpointEntry, call: Call, name: str, deadline: float) -> Reply:
    """The upstream's answer of status 200. Raises Faulty."""
    try:
        request = WIRE_FORMATS[entry.provider.wire_format].build_request(
            call, entry, generation_id=GENERATION_ID
        )
        reply = post(
            request.url,
            request.body,
            headers=request.headers,
            rules=outbound_rules() if entry.is_private or entry.provider.is_users_address else None,
            seconds=max(deadline - time.monotonic(), 0.0),
            most_bytes=MOST_BYTES,
        )
    except CannotAsk:
        raise Faulty(Check(CREDENTIAL, False, NO_BYOK_KEY)) from None
    except CallFailed as error:
        reason = INVALID_BASE_URL if _is_forbidden(error) else UPSTREAM_ERROR
        raise Faulty(Check(name, False, reason)) from None
    if reply.status != 200:
        raise Faulty(Check(name, False, UPSTREAM_ERROR, upstream_status=reply.status // 100 * 100))
    return reply


def _is_forbidden(error: BaseException | None) -> bool:
    """Whether what failed was the check of an address, under whatever wrapping."""
    while error is not None:
        if isinstance(error, ForbiddenAddress) or isinstance(
            getattr(error, "os_error", None), ForbiddenAddress
        ):
            return True
        error = error.__cause__
    return False
