"""What went wrong at a provider, and what a caller is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from routing.errors import STATUS_OF_TYPE, Availability, Refusal

_AVAILABILITY_CODES = {
    404: "model_unavailable_upstream",
    429: "capacity_exhausted",
    503: "temporarily_unavailable",
}
"""What a provider's failure says of a model, by the status that the caller sees."""


@dataclass(frozen=True, slots=True)
class ProviderFailure:
    """What went wrong at a provider, in the contract's vocabulary.

    `is_retryable`: another provider of the same model may well answer. Otherwise only the next model of the
    request's list is worth a try. `provider_status` is the status as it came (None: no answer at all).
    """

    error_type: str
    message: str
    is_retryable: bool
    provider_status: int | None = None
    retry_after: int | None = None
    provider_code: str | None = None
    raw: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status that the caller sees."""
        return STATUS_OF_TYPE[self.error_type]


def provider_error(
    failure: ProviderFailure,
    *,
    provider_name: str,
    provider: str | None = None,
    requested_models: tuple[str, ...] = (),
    previous_errors: tuple[Mapping[str, Any], ...] = (),
) -> Refusal:
    """The refusal that the last provider's failure amounts to, when no attempt is left; `provider` is its slug."""
    metadata: dict[str, Any] = {"provider_name": provider_name}
    if failure.provider_code:
        metadata["provider_code"] = failure.provider_code
    if failure.raw is not None:
        metadata["raw"] = failure.raw
    if previous_errors:
        metadata["previous_errors"] = [dict(error) for error in previous_errors]
    asked = [str(error["provider"]) for error in previous_errors] + ([provider] if provider else [])
    return Refusal(
        failure.status,
        failure.error_type,
        failure.message,
        "provider",
        retry_after=failure.retry_after if failure.status in (429, 503) else None,
        availability=_availability_of(failure, requested_models, tuple(dict.fromkeys(asked))),
        metadata=metadata,
    )


def previous_error(failure: ProviderFailure, *, provider: str) -> dict[str, Any]:
    """One entry of `metadata.previous_errors`: never what the provider wrote."""
    return {
        "provider": provider,
        "code": _AVAILABILITY_CODES.get(failure.status, failure.error_type),
        "status": failure.provider_status or failure.status,
    }


def _availability_of(
    failure: ProviderFailure, requested: tuple[str, ...], asked: tuple[str, ...]
) -> Availability | None:
    code = _AVAILABILITY_CODES.get(failure.status)
    if code is None or not requested:
        return None
    if failure.status == 404:
        return Availability(code, requested, affected_providers=asked)
    return Availability(code, requested, True, failure.retry_after, asked)
