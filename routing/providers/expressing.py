"""What a request asks for and a wire format cannot say: refused where it is content, else named and left out."""

from __future__ import annotations

from typing import Any, NamedTuple

from routing.errors import ProviderFailure


class Unsupported(Exception):
    """The request cannot be put into a provider's words without changing its meaning; names the parameter."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"'{parameter}' {reason}")
        self.parameter = parameter

    def as_failure(self) -> ProviderFailure:
        """The failure of the attempt: no fault of the endpoint's, and another provider may well do."""
        return ProviderFailure("invalid_request", f"{self}.", is_retryable=True)


class Translation(NamedTuple):
    """A request in a provider's words, and the parameters that could not be said in them (sorted, each once)."""

    body: dict[str, Any]
    dropped: tuple[str, ...] = ()
