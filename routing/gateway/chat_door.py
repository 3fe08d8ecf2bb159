"""The door of the chat room: tokens that the control plane signed, instead of keys (docs/chat.md).

A token opens inference and lists of models, for pages of the origin that it was given to. Whether its member, his
session and his seat are still there is for the policy to say, which is dropped when any of them changes.
"""

from __future__ import annotations

from config.lib.chat_tokens import PREFIX, BadToken, ChatToken, read
from routing.errors import unauthorized
from routing.gateway.client import RefusedError, Scope

PREFLIGHT_METHOD = b"access-control-request-method"
LOOKING = ("GET", "HEAD")
ALLOWED = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, x-title"),
    (b"access-control-max-age", b"600"),
]
EXPOSED = (b"access-control-expose-headers", b"x-generation-id, retry-after")


def is_chat_token(key: str) -> bool:
    """Whether what a request carries claims to be one."""
    return key.startswith(PREFIX)


def seat_of(key: str, scope: Scope) -> str:
    """The name of the policy that governs a request with this token. Raises RefusedError: 401 for whatever is wrong."""
    try:
        token = read(key)
    except BadToken:
        raise RefusedError(unauthorized(rule="chat_token")) from None
    if not _is_from_its_page(token, scope):
        raise RefusedError(unauthorized(rule="chat_origin"))
    return token.seat.name


def _is_from_its_page(token: ChatToken, scope: Scope) -> bool:
    """Browsers name the origin of every POST, and of reading across origins; each of them has to be the page's."""
    origins = {value for name, value in scope["headers"] if name == b"origin"}
    if not origins:
        return scope["method"] in LOOKING
    return origins == {token.origin.encode()}


def shared_with(origin: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers that let the dashboard's pages, and no others, read an answer of a gateway elsewhere."""
    if not origin or (b"origin", origin.encode()) not in scope["headers"]:
        return []
    return [(b"access-control-allow-origin", origin.encode()), (b"vary", b"origin"), EXPOSED]


def allowed_to(origin: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    """What a page of the dashboard is told that it may send; others are told nothing."""
    return ALLOWED if shared_with(origin, scope) else []


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks before it sends what a page of another origin wants to send."""
    return scope["method"] == "OPTIONS" and any(name == PREFLIGHT_METHOD for name, _ in scope["headers"])
