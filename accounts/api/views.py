"""What every view of the management API shares: a live key, its organization's scope, the table of permissions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from http import HTTPStatus
from typing import Any, ClassVar, Protocol, cast

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.callers import Caller, find_caller
from accounts.idempotency import AnotherRequest, Answer, Ask, StillInFlight, begin, finish
from accounts.models import Organization
from accounts.permissions import NotPermitted, NotYours, Permission
from accounts.revisions import Actor
from config.lib.api import EMPTY_DIGEST, ApiView, client_address, sent_keys
from config.lib.api_errors import ApiError
from config.lib.api_json import encode
from config.lib.scoping import enter_tenant

MANAGEMENT_ONLY = "Only management keys can perform this operation"


class KeyedView(ApiView):
    """A view for either kind of key; the request sees the key's organization and nothing else."""

    caller: Caller
    secret: str

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.secret, self.caller = _authenticate(request)
        enter_tenant(self.caller.organization_id)
        self.check_caller(request)

    def check_caller(self, request: Request) -> None:
        """Raise if this kind of key may not do this at all."""

    @property
    def organization_id(self) -> int:
        """Whose objects the request is about."""
        return self.caller.organization_id

    @cached_property
    def organization(self) -> Organization:
        """The key's organization."""
        own: Organization = Organization.objects.for_organization(self.organization_id).get()
        return own

    @property
    def caller_name(self) -> str:
        """One name per key of either kind."""
        return self.caller.name

    @property
    def actor(self) -> Actor:
        """Who changes something."""
        return self.caller.actor(client_address(self.request))


class ManagementView(KeyedView):
    """A view for management keys; the table decides, and each method may name a permission of its own."""

    permission: ClassVar[Permission]
    permissions: ClassVar[dict[str, Permission]] = {}
    hidden_from_inference_keys: ClassVar[frozenset[str]] = frozenset()
    """Methods whose operation lists no 403: there an inference key is answered 401 (spec: contract notes 3)."""

    def check_caller(self, request: Request) -> None:
        method = request.method or ""
        try:
            self.caller.require(self.permissions.get(method, self.permission))
        except (NotPermitted, NotYours):
            status = 401 if method in self.hidden_from_inference_keys else 403
            raise ApiError(status, MANAGEMENT_ONLY) from None


class Repeatable(Protocol):
    """A view whose POST can be repeated: it knows whose it is by `initial`, and is within that scope."""

    @property
    def organization_id(self) -> int: ...

    @property
    def caller_name(self) -> str: ...

    @property
    def secret(self) -> str: ...


def once(handler: Callable[..., Response]) -> Callable[..., HttpResponseBase]:
    """Let a POST carry an Idempotency-Key: within a day the same request gets the same answer and is done once."""

    @wraps(handler)
    def post(self: Repeatable, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(self, request, *args, **kwargs)
        ask = _ask(self, request, key)
        try:
            stored = begin(ask)
        except StillInFlight as error:
            raise ApiError(409, str(error), headers={"Retry-After": "1"}) from None
        except AnotherRequest as error:
            raise ApiError(422, str(error)) from None
        if stored is not None:
            return HttpResponse(stored.body, status=stored.status, content_type="application/json")
        response = handler(self, request, *args, **kwargs)
        finish(ask, Answer(response.status_code, encode(response.data)))
        return response

    return post


def _ask(view: Repeatable, request: Request, key: str) -> Ask:
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise ApiError(400, "Idempotency-Key: must be 1 to 255 printable ASCII characters.")
    request.data  # noqa: B018  # parsing it makes the digest, and refuses what is no JSON
    digest = getattr(request, "body_digest", EMPTY_DIGEST)
    return Ask(
        organization_id=view.organization_id,
        caller=view.caller_name,
        key=key,
        secret=view.secret,
        request=f"{request.method} {request.get_full_path()} {digest}",
    )


def _authenticate(request: Request) -> tuple[str, Caller]:
    secrets = sent_keys(request._request)
    if not secrets:
        raise _unauthorized("Missing Authentication header")
    secret = secrets.pop()
    caller = find_caller(secret)
    cast(Any, request._request).is_key_accepted = caller is not None  # for accounts.api.limits
    if caller is None:
        raise _unauthorized("Invalid API key")
    return secret, caller


def _unauthorized(message: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, message, headers={"WWW-Authenticate": "Bearer"})
