"""A BYOK credential as the data plane holds it: opened, frozen, and never outside of this process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from routing.catalog_snapshot import EndpointEntry

IN_CREDENTIAL = frozenset({"azure"})
"""Wire formats whose addresses a credential may say itself, as whoever brought it wrote them down."""


class LeavesTheProcess(TypeError):
    """An opened credential is never copied to another process."""


@dataclass(frozen=True, slots=True, eq=False)
class UsableCredential:
    """What requests with a key may be sent with to a provider, and when.

    `models` and `deployed` (slugs in lower case) are None where there is no restriction: the first is the filter, the
    second what the credential itself can reach. Without a `secret` (it does not open) nothing is sent with it, but it
    keeps its provider from shared capacity, so that nobody pays for what he wanted to pay elsewhere.
    """

    id: int
    provider: str
    secret: str = field(repr=False)
    is_fallback: bool = False
    is_required: bool = False
    is_byok_only: bool = False
    declared_zdr: bool | None = None
    declared_region: str | None = None
    models: frozenset[str] | None = None
    deployed: frozenset[str] | None = field(default=None, repr=False)
    _carriers: dict[int, tuple[EndpointEntry, EndpointEntry]] = field(default_factory=dict, repr=False)

    def is_for(self, model: str) -> bool:
        """Whether requests for the model may be sent with it."""
        is_deployed = self.deployed is None or model.lower() in self.deployed
        return bool(self.secret) and is_deployed and self._admits(model)

    def closes(self, model: str) -> bool:
        """Whether the model may not be asked of its provider's shared capacity."""
        return self.is_byok_only or (self.is_required and self._admits(model))

    def carried_by(self, entry: EndpointEntry) -> EndpointEntry:
        """The endpoint with this credential and with what was declared of the account; made once for each."""
        known = self._carriers.get(entry.id)
        if known is None or known[0] is not entry:
            known = self._carriers[entry.id] = (entry, self._carrier(entry))
        return known[1]

    def __reduce__(self) -> NoReturn:
        raise LeavesTheProcess("a credential is for this process alone")

    def _admits(self, model: str) -> bool:
        if self.models is None:
            return True
        lowered = model.lower()
        return lowered in self.models or lowered.partition(":")[0] in self.models

    def _carrier(self, entry: EndpointEntry) -> EndpointEntry:
        provider = replace(
            entry.provider,
            credential=self.secret,
            needs_credential=False,
            is_users_address=entry.provider.is_users_address or entry.provider.wire_format in IN_CREDENTIAL,
        )
        declared: dict[str, Any] = {}  # fields of an endpoint
        if self.declared_zdr is not None:
            declared |= {"is_zdr": self.declared_zdr, "retains_prompts": not self.declared_zdr}
        if self.declared_region is not None:
            declared["region"] = self.declared_region
        return replace(entry, provider=provider, **declared)
