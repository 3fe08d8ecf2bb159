"""Trying a credential out: the shortest question, sent with it as the gateway would, and what is wrong if it fails.

As of a private endpoint (routing.private_validation), only the class of the provider's status is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from config.lib.environment import environment
from config.lib.outbound import CallFailed, post
from routing.catalog_snapshot import EndpointEntry
from routing.credential_formats import UnusableCredential
from routing.explanations import catalog
from routing.models import ByokCredential, PrivateEndpoint
from routing.models.private_endpoint import BYOK
from routing.policy_parts.byok import usable_of
from routing.pricing import typical_femto
from routing.private_entries import entry_of
from routing.private_upstreams import key_of, names_of
from routing.private_validation import (
    CREDENTIAL,
    KEY_DECRYPTION_FAILED,
    SECONDS,
    UNPRICED,
    UPSTREAM_ERROR,
    Check,
    Faulty,
    question_to,
    whole_answer,
)
from routing.providers.google_auth import AccessToken, read_token, token_request
from routing.providers.vertex import Vertex
from routing.usable_credential import UsableCredential

_VERTEX = Vertex()


class NothingToAsk(Exception):
    """There is no model here that the credential could be tried with."""


@dataclass(frozen=True)
class Trial:
    """The model that was asked, and the first check that failed."""

    model: str
    fault: Check | None

    @property
    def passed(self) -> bool:
        """Whether the provider took the credential and answered."""
        return self.fault is None


def try_out(*, credential: ByokCredential) -> Trial:
    """Ask the cheapest model that the credential is for; costs what a short answer costs. Raises NothingToAsk.

    Nothing is recorded: nothing changes. A credential that is disabled can be tried, too.
    """
    usable = usable_of(credential)
    if usable is None or not usable.secret:
        return Trial("", Check(CREDENTIAL, False, KEY_DECRYPTION_FAILED))
    entry = next(chain(_own(credential, usable), _of_catalog(usable)), None)
    if entry is None:
        raise NothingToAsk("There is no model here yet that this key could be tried with.")
    deadline = time.monotonic() + SECONDS
    try:
        checks = list(whole_answer(_signed_in(entry), question_to(entry.model), deadline))
    except Faulty as fault:
        return Trial(entry.model, fault.check)
    return Trial(entry.model, next((check for check in checks[:1] if not check.passed), None))


def _of_catalog(usable: UsableCredential) -> Iterator[EndpointEntry]:
    """The catalog's endpoints that the credential is for, models that write text first, then by price."""
    known = catalog.get()
    found = [
        ("text" not in model.output_modalities, typical_femto(entry.price), entry.tag, entry)
        for model in {**known.models, **known.byok_models}.values()
        for entry in model.endpoints
        if entry.provider.slug == usable.provider and usable.is_for(model.slug)
    ]
    for *_, entry in sorted(found, key=lambda one: one[:3]):
        yield usable.carried_by(entry)


def _own(credential: ByokCredential, usable: UsableCredential) -> Iterator[EndpointEntry]:
    """The organization's own endpoints whose requests carry such a credential."""
    live = PrivateEndpoint.objects.for_organization(credential.organization_id).live()
    rows = live.filter(provider=credential.provider, authentication=BYOK).order_by("status", "pk")
    for row in rows:
        if usable.is_for(row.model_slug):
            name = names_of([row.provider])[row.provider]
            secret = key_of(row.provider, usable.secret)
            yield entry_of(row, name=name, price=UNPRICED, credential=secret)


def _signed_in(entry: EndpointEntry) -> EndpointEntry:
    """The endpoint with a token in its credential's place, where its provider wants one. Raises Faulty."""
    if entry.provider.wire_format != _VERTEX.slug:
        return entry
    try:
        account = _VERTEX.needed_token(entry.provider)
        if account is None:
            return entry
        asked = token_request(account, time.time())
        reply = post(environment().google_token_url, asked.body, headers=asked.headers, rules=None)
    except (UnusableCredential, CallFailed):
        raise Faulty(Check(CREDENTIAL, False, UPSTREAM_ERROR)) from None
    token = read_token(reply.status, reply.body, time.time())
    if not isinstance(token, AccessToken):
        status = reply.status // 100 * 100
        raise Faulty(Check(CREDENTIAL, False, UPSTREAM_ERROR, upstream_status=status))
    return replace(entry, provider=_VERTEX.signed_in(entry.provider, account, token))
