"""Who may do what: the one table of SPEC §1, asked by API, dashboard and admin alike."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Standing(StrEnum):
    """What somebody is with respect to a workspace, or to the organization as a whole."""

    ORGANIZATION_ADMIN = "organization admin"
    WORKSPACE_ADMIN = "workspace admin"
    WORKSPACE_MEMBER = "workspace member"
    ORGANIZATION_MEMBER = "other organization member"
    MANAGEMENT_KEY = "management key"
    INFERENCE_KEY = "inference key"
    STRANGER = "stranger"


class Answer(StrEnum):
    """`OWN`: yes for what is one's own (keys, generations, the key's workspace), hidden otherwise."""

    YES = "yes"
    OWN = "own"
    FORBIDDEN = "403"
    HIDDEN = "404"


class Permission(StrEnum):
    """An action of the table."""

    WORKSPACE_SEE = "see a workspace: name, members with roles, budgets with spend"
    WORKSPACE_MANAGE = "rename and delete a workspace, its members and budgets"
    WORKSPACE_CREATE = "create a workspace"
    WORKSPACE_CONFIGURE = "guardrails, BYOK, plugins, routing, observability, I/O logging"
    REQUESTS_EXPLAIN = "ask what would become of a request"
    PRESETS_USE = "see and use presets"
    PRESETS_CHANGE = "create presets and new versions"
    OWN_KEYS = "create, see, change and delete one's own keys"
    OTHERS_KEYS = "others' keys and system keys"
    LOGS_SEE = "logs and activity: metadata"
    CONTENT_SEE = "prompts and completions"
    ACCOUNT_MANAGE = "credits, members, roles, privacy, notifications, audit log"
    MANAGEMENT_KEYS = "management keys"
    ROLES_CHANGE = "roles"


_ORDER = (
    Standing.ORGANIZATION_ADMIN,
    Standing.WORKSPACE_ADMIN,
    Standing.WORKSPACE_MEMBER,
    Standing.ORGANIZATION_MEMBER,
    Standing.MANAGEMENT_KEY,
    Standing.INFERENCE_KEY,
)
_YES, _OWN, _NO, _HIDE = Answer.YES, Answer.OWN, Answer.FORBIDDEN, Answer.HIDDEN

_ROWS: dict[Permission, tuple[Answer, ...]] = {
    Permission.WORKSPACE_SEE: (_YES, _YES, _YES, _HIDE, _YES, _NO),
    Permission.WORKSPACE_MANAGE: (_YES, _NO, _NO, _HIDE, _YES, _NO),
    Permission.WORKSPACE_CREATE: (_YES, _NO, _NO, _NO, _YES, _NO),
    Permission.WORKSPACE_CONFIGURE: (_YES, _YES, _NO, _HIDE, _YES, _NO),
    Permission.REQUESTS_EXPLAIN: (_YES, _YES, _OWN, _HIDE, _YES, _OWN),
    Permission.PRESETS_USE: (_YES, _YES, _YES, _HIDE, _YES, _OWN),
    Permission.PRESETS_CHANGE: (_YES, _YES, _OWN, _HIDE, _YES, _OWN),
    Permission.OWN_KEYS: (_YES, _YES, _YES, _HIDE, _YES, _NO),
    Permission.OTHERS_KEYS: (_YES, _YES, _HIDE, _HIDE, _YES, _NO),
    Permission.LOGS_SEE: (_YES, _YES, _YES, _YES, _YES, _OWN),
    Permission.CONTENT_SEE: (_YES, _YES, _NO, _NO, _YES, _OWN),
    Permission.ACCOUNT_MANAGE: (_YES, _NO, _NO, _NO, _YES, _NO),
    Permission.MANAGEMENT_KEYS: (_YES, _NO, _NO, _NO, _OWN, _NO),
    Permission.ROLES_CHANGE: (_YES, _NO, _NO, _NO, _NO, _NO),
}

TABLE: Final[dict[Permission, dict[Standing, Answer]]] = {
    permission: {**dict(zip(_ORDER, answers, strict=True)), Standing.STRANGER: Answer.HIDDEN}
    for permission, answers in _ROWS.items()
}


class NotPermitted(Exception):
    """The object may be seen, but not this done to it: 403."""


class NotYours(Exception):
    """To this caller the object does not exist: 404, exactly as for an unknown one."""


def answer(standing: Standing, permission: Permission) -> Answer:
    """What the table says."""
    return TABLE[permission][standing]


def require(standing: Standing, permission: Permission, *, is_own: bool = False) -> None:
    """Pass, or raise NotPermitted or NotYours. `is_own`: the object belongs to whoever asks."""
    verdict = answer(standing, permission)
    if verdict == Answer.YES or (verdict == Answer.OWN and is_own):
        return
    if verdict == Answer.FORBIDDEN:
        raise NotPermitted(f"You may not do this: {permission.value}.")
    raise NotYours


def may(standing: Standing, permission: Permission, *, is_own: bool = False) -> bool:
    """Whether `require` would pass; for pages that show or hide a button."""
    verdict = answer(standing, permission)
    return verdict == Answer.YES or (verdict == Answer.OWN and is_own)
