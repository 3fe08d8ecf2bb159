"""Every documented error: who has to ask for what to be told it, and what he is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.routing.gateway.entrances import EMBEDDINGS
from tests.routing.gateway.error_bodies import MASK, NOTHING, Error, availability
from tests.routing.gateway.restrictions import by_guardrail, by_key, expired

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
AT_MIRROR = {"tag": "mirror", "upstream_model": "m", "trains_on_prompts": True}
FAILING = (404, 429, 500, 503, 504)
BAD_KEY = Error(401, "authentication", "The API key is missing, unknown, disabled or expired.")


def catalog() -> dict[str, dict[str, Any]]:
    """Models of authors of their own, so that nobody is suggested but where that is meant."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("text", "embed"):
        found[f"bodies/{kind}"] = {"endpoints": [AT_MIRROR]}
        found[f"short/{kind}"] = {"endpoints": [AT_MIRROR | {"context_length": 4}]}
        found[f"old/{kind}"] = {"endpoints": [AT_MIRROR], "expires_at": LONG_AGO}
        found[f"paid/{kind}"] = {"endpoints": [AT_MIRROR]}
        for status in FAILING:
            upstream = f"simulator/error-{status}"
            endpoints = [{"tag": tag, "upstream_model": upstream} for tag in ("alpha", "beta")]
            found[f"fails{status}/{kind}"] = {"endpoints": endpoints}
    return found


def kind_at(path: str) -> str:
    """What kind of model answers at an entrance."""
    return "embed" if path == EMBEDDINGS else "text"


class Case(NamedTuple):
    """Who asks for what (by the author of the model), with what in body and headers; and what he is told."""

    told: Callable[[str, str], Error]
    """From the model and the path."""
    key: str = "plain"
    author: str = "bodies"
    more: Mapping[str, Any] = NOTHING
    headers: Mapping[str, str] = NOTHING
    suffix: str = ""

    def model(self, path: str) -> str:
        return f"{self.author}/{kind_at(path)}{self.suffix}"


def always(error: Error) -> Callable[[str, str], Error]:
    return lambda model, path: error


def unavailable(code: str, message: str, **more: Any) -> Callable[[str, str], Error]:
    """A 404 with the documented object."""
    return lambda model, path: Error(
        404, "not_found", message.format(model), availability=availability(code, model, **more)
    )


def excluded(code: str, by: str, message: str, detail: str | None = None) -> Callable[[str, str], Error]:
    """A 404 that says which filter left out the only provider."""
    more: dict[str, Any] = {"excluded_by": [by], "affected_providers": ["mirror"]}
    if detail:
        more["constraint"] = {"field": by, "detail": detail}
    return unavailable(code, message, **more)


def constrained(by: str, detail: str) -> Callable[[str, str], Error]:
    return excluded("constraint_filtered", by, "No endpoints for {}: " + detail, detail)


def failed(status: int, said: int, kind: str, code: str | None, provider_code: str) -> Case:
    """Two providers fail alike."""
    hint = {"retry_after": 1} if code in ("capacity_exhausted", "temporarily_unavailable") else {}

    def told(model: str, path: str) -> Error:
        about = (
            availability(code, model, is_retryable=bool(hint), affected_providers=["alpha", "beta"], **hint)
            if code
            else None
        )
        return Error(
            said,
            kind,
            f"The simulator was asked for status {status}.",
            {
                "provider_name": "Beta",
                "provider_code": provider_code,
                "raw": MASK,
                "previous_errors": [{"provider": "alpha", "code": code or kind, "status": status}],
            },
            about,
        )

    return Case(told, author=f"fails{status}", more={"provider": {"order": ["alpha", "beta"]}})


def misplaced(model: str, path: str) -> Error:
    where = "/api/v1/chat/completions" if path == EMBEDDINGS else EMBEDDINGS
    other = "bodies/text" if path == EMBEDDINGS else "bodies/embed"
    detail = f"{other} is served at {where}."
    about = availability("wrong_endpoint", other, constraint={"field": "endpoint", "detail": detail})
    return Error(400, "invalid_request", detail, availability=about)


def wrong(message: str, parameter: str) -> Callable[[str, str], Error]:
    return always(Error(400, "invalid_request", message, {"parameter": parameter}))


def denied(message: str, **metadata: Any) -> Callable[[str, str], Error]:
    return always(Error(403, "permission_denied", message, metadata))


def priced(**most: Any) -> dict[str, Any]:
    return {"provider": {"max_price": most}}


REGION = "Requests must arrive in europe; this one arrived in global."
CASES: dict[str, Case] = {
    "400 for a wrong type": Case(wrong("'user' must be a string.", "user"), more={"user": 7}),
    "400 without a model": Case(
        wrong("No model was named, and the workspace has no default model.", "model"), more={"model": None}
    ),
    "400 model_not_found": Case(
        always(
            Error(
                400,
                "invalid_request",
                "acme/fake-1.0 is not a valid model ID",
                availability=availability("model_not_found", "acme/fake-1.0"),
            )
        ),
        more={"model": "acme/fake-1.0"},
    ),
    "400 wrong_endpoint": Case(misplaced),
    "401 without a key": Case(always(BAD_KEY), key="none"),
    "401 for an unknown key": Case(always(BAD_KEY), key="unknown"),
    "401 for a disabled key": Case(always(BAD_KEY), key="disabled"),
    "401 for an expired key": Case(always(BAD_KEY), key="expired"),
    "402 without credits": Case(
        always(Error(402, "payment_required", "Insufficient credits. Add credits and retry.")), key="poor"
    ),
    "402 for a key's limit": Case(
        always(Error(402, "payment_required", "Key limit exceeded (total limit).")), key="limited"
    ),
    "403 for a workspace's budget": Case(
        denied("Workspace monthly budget of $0.01 exceeded. Contact your org admin."), key="spent"
    ),
    "403 for a guardrail's budget": Case(
        denied("Key guardrail daily budget of $0.00 exceeded. Contact your org admin."), key="budget"
    ),
    "403 for a content filter": Case(
        denied("Request blocked by content filter: Email address", labels=["Email address"]), key="email"
    ),
    "403 for a prompt injection": Case(
        denied(
            "Request blocked: prompt injection patterns detected",
            patterns=["ignore previous instructions"],
        ),
        key="injection",
    ),
    "403 for a forbidden model": Case(
        lambda model, path: Error(
            403, "permission_denied", f"{model} is not allowed by the API key's guardrail."
        ),
        key="forbidden",
    ),
    "403 for a management key": Case(
        denied("Management keys cannot be used for inference."), key="management"
    ),
    "404 no_endpoints": Case(
        excluded("no_endpoints", "allowed_providers", "No endpoints found for {}."), key="provider"
    ),
    "404 no_endpoints by preference": Case(
        excluded("no_endpoints", "allowed_providers", "No endpoints found for {}."),
        more={"provider": {"only": ["nobody"]}},
    ),
    "404 privacy_restricted (retention)": Case(
        excluded(
            "privacy_restricted",
            "data_policy:zdr",
            "No endpoints for {} match your data policy (zero data retention).",
        ),
        key="zdr",
    ),
    "404 privacy_restricted (training)": Case(
        excluded(
            "privacy_restricted",
            "data_policy:training",
            "No endpoints for {} match your data policy (no training on prompts).",
        ),
        key="training",
    ),
    "404 constraint_filtered (max_price)": Case(
        constrained("max_price", "Every endpoint costs more than max_price allows."), more=priced(prompt=0.01)
    ),
    "404 constraint_filtered (context_length)": Case(
        constrained("context_length", "The input is longer than any endpoint's context."), author="short"
    ),
    "404 constraint_filtered (quantization)": Case(
        constrained("quantization", "No endpoint has one of the requested quantizations."),
        more={"provider": {"quantizations": ["fp4"]}},
    ),
    "404 constraint_filtered (require_parameters)": Case(
        constrained("require_parameters", "No endpoint supports every parameter of the request."),
        more={"provider": {"require_parameters": True}},
    ),
    "404 constraint_filtered (data_region)": Case(
        unavailable(
            "constraint_filtered",
            REGION,
            excluded_by=["data_region"],
            constraint={"field": "data_region", "detail": REGION},
        ),
        key="region",
    ),
    "404 model_deprecated": Case(unavailable("model_deprecated", "{} is no longer served."), author="old"),
    "404 free_variant_ended": Case(
        lambda model, path: Error(
            404,
            "not_found",
            f"There is no free variant of paid/{kind_at(path)} any more.",
            availability=availability("free_variant_ended", model, fallback_models=[f"paid/{kind_at(path)}"]),
        ),
        author="paid",
        suffix=":free",
    ),
    "413": Case(
        always(Error(413, "payload_too_large", "The request's body is larger than 33554432 bytes.")),
        headers={"Content_Length": "99999999"},
    ),
    "415": Case(
        always(Error(415, "invalid_request", "Content-Encoding is not supported.")),
        headers={"Content_Encoding": "gzip"},
    ),
    "429 for a rate": Case(
        always(Error(429, "rate_limit_exceeded", "Rate limit exceeded: 1 requests per minute of this key.")),
        key="rated",
    ),
    "404 model_unavailable_upstream": failed(
        404, 404, "not_found", "model_unavailable_upstream", "not_found"
    ),
    "429 capacity_exhausted": failed(
        429, 429, "rate_limit_exceeded", "capacity_exhausted", "rate_limit_exceeded"
    ),
    "502": failed(500, 502, "provider_unavailable", None, "server_error"),
    "503 temporarily_unavailable": failed(
        503, 503, "provider_overloaded", "temporarily_unavailable", "service_unavailable_error"
    ),
    "504": failed(504, 504, "timeout", None, "server_error"),
}
BLOCK = {"action": "block"}
HOLDS = {
    "plain": by_key(),
    "disabled": by_key({"is_disabled": True}),
    "expired": expired,
    "limited": by_key(limit_nano=0),
    "rated": by_key(requests_per_minute=1),
    "budget": by_guardrail(limit_nano=0, limit_interval="d"),
    "email": by_guardrail(content_filter_builtins=[{"slug": "email", **BLOCK}]),
    "injection": by_guardrail(content_filter_builtins=[{"slug": "regex-prompt-injection", **BLOCK}]),
    "forbidden": by_guardrail(ignored_models=["bodies/text", "bodies/embed"]),
    "provider": by_guardrail(ignored_providers=["mirror"]),
    "zdr": by_guardrail(enforce_zdr_other=True),
    "training": by_guardrail(enable_paid_model_training=False),
    "region": by_guardrail(allowed_data_regions=["europe"]),
    "outputs": by_guardrail(content_filter_builtins=[{"slug": "phone", **BLOCK}], is_filtering_outputs=True),
}
