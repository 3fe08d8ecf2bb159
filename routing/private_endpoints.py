"""Endpoints that organizations bring: drafted, validated, activated, disabled, deleted; their secrets are sealed."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.crypto import sealing_ring
from config.lib.environment import environment
from config.lib.outbound import OutboundRules
from routing.credential_formats import UnusableCredential, read_credential
from routing.models import LanguageModel, PrivateEndpoint, PrivatePrice
from routing.models.private_endpoint import ACTIVE, BYOK, DISABLED, DRAFT, OWN
from routing.private_pricing import Rates, latest, with_derived
from routing.private_upstreams import OF_CREDENTIAL, check_address, origin_of, wire_format_of

MOST_ENDPOINTS = 100
"""Of one organization; all of them are in each of its policies."""
UPSTREAM = frozenset({"upstream_model", "base_url"})
DECLARATIONS = frozenset({"declared_zdr", "declared_region"})
CHANGEABLE = (
    UPSTREAM
    | DECLARATIONS
    | {"model_name", "authentication", "context_length", "max_completion_tokens", "supported_parameters"}
)
OWN_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,98}/[a-z0-9][a-z0-9._-]{0,98}")
RESERVED = ("openrouter/", "headgate/")
"""Names of routers and plugins, which no model may take."""


class UnknownModel(Exception):
    """There is no such model in the catalog, and no name was given for one of the organization's own."""


class UnusableEndpoint(Exception):
    """What was given does not go together; the message names the field."""


class NotNow(Exception):
    """The endpoint is in a state that forbids this."""


class EndpointGone(Exception):
    """The endpoint was deleted meanwhile."""


def create(
    *,
    organization: Organization,
    by: Actor,
    provider: str,
    model: str,
    upstream_model: str,
    wire_format: str | None = None,
    secret: str = "",
    rates: Rates | None = None,
    **settings: Any,
) -> PrivateEndpoint:
    """Draft an endpoint; it is routed to once it was validated and activated, and has a price.

    Raises UnknownModel, UnknownProvider, UnusableUpstream, UnusableEndpoint, UnusableCredential, NotNow.
    """
    endpoint = PrivateEndpoint(
        organization=organization,
        provider=provider,
        model_slug=model,
        upstream_model=upstream_model,
        wire_format=wire_format_of(provider, wire_format),
        authentication=BYOK,
        created_by=by.user,
    )
    with transaction.atomic():
        _require_room(organization)
        _assign(endpoint, settings, secret)
        endpoint.save(force_insert=True)
        if rates is not None:
            _follow(endpoint, rates)
        _record("create", endpoint, None, by)
    endpoint.refresh_from_db()
    return endpoint


def change(
    *, endpoint: PrivateEndpoint, by: Actor, secret: str | None = None, **changes: Any
) -> PrivateEndpoint:
    """Change a draft, all or none; it has to be validated again then.

    Another upstream takes back what was declared of the old one, and another host the secret, unless they are given
    anew. Raises EndpointGone, NotNow, UnusableUpstream, UnusableEndpoint, UnusableCredential.
    """
    with transaction.atomic():
        locked = _lock(endpoint)
        _require(locked, DRAFT, "Only a draft can be changed: delete the endpoint and create it again.")
        before, former = state_of(locked), {name: getattr(locked, name) for name in UPSTREAM}
        _assign(locked, changes, secret)
        if any(getattr(locked, name) != value for name, value in former.items()):
            for name in DECLARATIONS - changes.keys():
                setattr(locked, name, None)
        if origin_of(locked.base_url) != origin_of(former["base_url"]) and not secret:
            locked.sealed_secret = ""
        locked.validated_at = None
        _save(locked)
        _record("update", locked, before, by)
    return locked


def set_pricing(*, endpoint: PrivateEndpoint, rates: Rates, by: Actor) -> PrivateEndpoint:
    """Follow the endpoint's price with a new version, from now on, whatever state it is in. Raises EndpointGone."""
    with transaction.atomic():
        locked = _lock(endpoint)
        before = state_of(locked)
        _follow(locked, rates)
        _record("update", locked, before, by)
    return locked


def note_validated(*, endpoint: PrivateEndpoint, by: Actor) -> PrivateEndpoint:
    """The draft passed the live call as it was then. Raises EndpointGone, NotNow when it was changed since."""
    with transaction.atomic():
        locked = _lock(endpoint)
        _require(locked, DRAFT, "Only a draft can be validated.")
        before = state_of(locked)
        if before != state_of(endpoint) or locked.sealed_secret != endpoint.sealed_secret:
            raise NotNow("The draft was changed while it was being validated.")
        locked.validated_at = timezone.now()
        _save(locked)
        _record("update", locked, before, by)
    return locked


def activate(*, endpoint: PrivateEndpoint, by: Actor) -> PrivateEndpoint:
    """Make a validated draft routable. Raises EndpointGone, NotNow."""
    with transaction.atomic():
        locked = _lock(endpoint)
        _require(locked, DRAFT, "The endpoint is activated already.")
        if locked.validated_at is None:
            raise NotNow("The draft was not validated since it was created or changed.")
        if not latest(locked.organization_id, [locked.pk]):
            raise NotNow("The endpoint has no price: set its pricing, to 0 if it is free.")
        return _move(locked, ACTIVE, by)


def disable(*, endpoint: PrivateEndpoint, by: Actor) -> PrivateEndpoint:
    """Stop routing to an active endpoint. Raises EndpointGone, NotNow."""
    with transaction.atomic():
        locked = _lock(endpoint)
        _require(locked, ACTIVE, "Only an active endpoint can be disabled.")
        return _move(locked, DISABLED, by)


def enable(*, endpoint: PrivateEndpoint, by: Actor) -> PrivateEndpoint:
    """Resume routing to a disabled endpoint. Raises EndpointGone, NotNow."""
    with transaction.atomic():
        locked = _lock(endpoint)
        _require(locked, DISABLED, "Only a disabled endpoint can be enabled.")
        return _move(locked, ACTIVE, by)


def delete(*, endpoint: PrivateEndpoint, by: Actor, is_draft_only: bool = False) -> None:
    """Delete an endpoint and wipe its secret. Raises EndpointGone, NotNow."""
    with transaction.atomic():
        locked = _lock(endpoint)
        if is_draft_only:
            _require(locked, DRAFT, "The endpoint was activated.")
        before = state_of(locked)
        locked.sealed_secret = ""
        locked.deleted_at = timezone.now()
        _save(locked)
        _record("delete", locked, before, by)


def identity_of(endpoint: PrivateEndpoint) -> str:
    """What an endpoint's sealed secret belongs to."""
    return endpoint.secret_identity


def record_resealed(endpoint: PrivateEndpoint, reason: str) -> None:
    """Record that a secret was sealed anew or wiped by the command that does so."""
    _record("update", endpoint, state_of(endpoint), Actor(door="shell", reason=reason))


def state_of(endpoint: PrivateEndpoint) -> dict[str, Any]:
    """What revisions record of an endpoint: its columns, secrets left out, and its price."""
    price = latest(endpoint.organization_id, [endpoint.pk]).get(endpoint.pk)
    return snapshot(endpoint) | {"pricing": None if price is None else Rates.stored(price).amounts()}


def outbound_rules() -> OutboundRules:
    """Where users may make this installation connect to."""
    return OutboundRules.parse(environment().outbound_allow)


def _assign(endpoint: PrivateEndpoint, columns: dict[str, Any], secret: str | None) -> None:
    """Set columns, seal the secret, and see that all of it goes together."""
    unknown = columns.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a private endpoint has no changeable {', '.join(sorted(unknown))}")
    for name, value in columns.items():
        setattr(endpoint, name, value)
    check_address(endpoint.wire_format, endpoint.base_url, outbound_rules())
    if endpoint._state.adding or "model_name" in columns:
        _check_model(endpoint)
    _check_authentication(endpoint)
    if endpoint.authentication != OWN:
        endpoint.sealed_secret = ""
    elif secret:
        _seal(endpoint, secret)


def _check_model(endpoint: PrivateEndpoint) -> None:
    is_listed = LanguageModel.objects.filter(slug=endpoint.model_slug, is_enabled=True).exists()
    if endpoint.model_name is None:
        if not is_listed:
            raise UnknownModel(
                "model_permaslug: there is no such model; with a model_name it is one of your own."
            )
    elif is_listed:
        raise UnusableEndpoint("model_name: this model is in the catalog, and has its name there.")
    elif not OWN_MODEL.fullmatch(endpoint.model_slug) or endpoint.model_slug.startswith(RESERVED):
        raise UnusableEndpoint(
            "model_permaslug: a model of your own is author/name in lower-case letters, digits, dots, dashes and "
            "underscores; openrouter and headgate are no authors."
        )


def _check_authentication(endpoint: PrivateEndpoint) -> None:
    if endpoint.wire_format in OF_CREDENTIAL and endpoint.authentication != BYOK:
        raise UnusableEndpoint("api_key: this provider is reached with a BYOK credential only.")


def _seal(endpoint: PrivateEndpoint, secret: str) -> None:
    try:
        read = read_credential("", secret)
    except UnusableCredential as error:
        raise UnusableCredential(f"api_key: {error}") from None
    endpoint.sealed_secret = sealing_ring().seal(read.text.encode(), identity=endpoint.secret_identity)


def _follow(endpoint: PrivateEndpoint, rates: Rates) -> None:
    derived = with_derived(rates, provider=endpoint.provider, model=endpoint.model_slug)
    PrivatePrice.objects.create(
        organization_id=endpoint.organization_id, endpoint=endpoint, **derived.columns()
    )


def _require_room(organization: Organization) -> None:
    """One endpoint at a time is added to an organization. Raises NotNow."""
    own = Organization.objects.for_organization(organization)
    own.select_for_update(of=("self",), no_key=True).order_by("pk").first()
    if PrivateEndpoint.objects.for_organization(organization).live().count() >= MOST_ENDPOINTS:
        raise NotNow(f"An organization may have at most {MOST_ENDPOINTS} private endpoints.")


def _require(endpoint: PrivateEndpoint, status: str, otherwise: str) -> None:
    if endpoint.status != status:
        raise NotNow(otherwise)


def _move(endpoint: PrivateEndpoint, status: str, by: Actor) -> PrivateEndpoint:
    before = state_of(endpoint)
    endpoint.status = status
    _save(endpoint)
    _record("update", endpoint, before, by)
    return endpoint


def _save(endpoint: PrivateEndpoint) -> None:
    endpoint.updated_at = timezone.now()
    endpoint.save()


def _lock(endpoint: PrivateEndpoint) -> PrivateEndpoint:
    live = PrivateEndpoint.objects.for_organization(endpoint.organization_id).live()
    locked: PrivateEndpoint | None = live.select_for_update(of=("self",)).filter(pk=endpoint.pk).first()
    if locked is None:
        raise EndpointGone("The endpoint was deleted.")
    return locked


def _record(action: Action, endpoint: PrivateEndpoint, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=endpoint,
            before=before,
            after=None if action == "delete" else state_of(endpoint),
            touches=(Scope("organization", endpoint.organization_id),),
            organization_id=endpoint.organization_id,
        ),
        by=by,
    )
