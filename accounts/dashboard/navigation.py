"""The frame's navigation: one list of pages, of which each reader sees those that exist and that he may open.

A page that appears later needs no line here if its address has the name that stands here already: an entry whose
address nobody serves is not shown. Palette and keyboard shortcuts read the same list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.urls import NoReverseMatch, reverse

from accounts.permissions import Permission


@dataclass(frozen=True)
class Entry:
    """A page: `name` is that of its address under `dashboard:`, and the `section` of its views unless that differs.

    `key` is what is typed after `g` to go there. `words`: by what else the palette finds it.
    """

    name: str
    label: str
    icon: str
    permission: Permission | None = None
    key: str = ""
    section: str = ""
    words: str = ""


@dataclass(frozen=True)
class Group:
    """Entries below one heading; those of a workspace need one in the address, and are asked with its standing."""

    title: str
    entries: tuple[Entry, ...]
    is_of_workspace: bool = False


@dataclass(frozen=True)
class Link:
    """An entry as one reader sees it."""

    entry: Entry
    href: str
    is_current: bool = False


@dataclass(frozen=True)
class LinkGroup:
    """A group as one reader sees it."""

    title: str
    links: list[Link]


CONFIGURE: Final = Permission.WORKSPACE_CONFIGURE
MANAGE: Final = Permission.ACCOUNT_MANAGE

WORKSPACE: Final = Group(
    "Workspace",
    (
        Entry("home", "Home", "home", Permission.WORKSPACE_SEE, "h", words="overview start spend"),
        Entry("chat", "Chat", "chat", None, "c", words="room playground models"),
        Entry("keys", "Keys", "key", Permission.OWN_KEYS, "k", words="api secrets tokens limits"),
        Entry("explain", "Explain", "explain", Permission.REQUESTS_EXPLAIN, "e", words="why refused routing"),
        Entry("guardrails", "Guardrails", "shield", CONFIGURE, "u", words="budgets allowlist pii injection"),
        Entry("byok", "BYOK", "plug", CONFIGURE, "b", words="bring your own key provider credentials"),
        Entry("routing", "Routing", "route", CONFIGURE, "r", words="providers fallback sort"),
        Entry("presets", "Presets", "preset", Permission.PRESETS_USE, "p", words="system prompt versions"),
        Entry("plugins", "Plugins", "puzzle", CONFIGURE, "i", words="web search pdf healing cache"),
        Entry(
            "destinations",
            "Observability",
            "open",
            CONFIGURE,
            "o",
            section="observability",
            words="destinations broadcast traces langfuse otel input output logging",
        ),
        Entry("workspace_members", "Members", "people", Permission.WORKSPACE_SEE, words="people roles"),
        Entry(
            "workspace_settings", "Settings", "gear", Permission.WORKSPACE_SEE, "s", words="budgets rename"
        ),
    ),
    is_of_workspace=True,
)
ACCOUNT: Final = Group(
    "Organization",
    (
        Entry("activity", "Activity", "chart", Permission.LOGS_SEE, "a", words="spend usage tokens costs"),
        Entry("logs", "Logs", "log", Permission.LOGS_SEE, "l", words="requests generations errors"),
        Entry("credits", "Credits", "credits", MANAGE, "m", words="billing money invoices balance top up"),
        Entry("workspaces", "Workspaces", "layers", None, "w", words="projects teams environments"),
        Entry("members", "Members", "people", MANAGE, words="people invitations roles"),
        Entry("management_keys", "Management keys", "terminal", Permission.MANAGEMENT_KEYS, words="api"),
        Entry(
            "private_endpoints",
            "Private endpoints",
            "plug",
            MANAGE,
            words="own upstreams vllm ollama self-hosted models",
        ),
        Entry("privacy", "Privacy", "lock", MANAGE, words="zdr training retention providers"),
        Entry("notifications", "Notifications", "bell", MANAGE, "n", words="alerts mail webhooks"),
        Entry("audit_log", "Audit log", "clock", MANAGE, "t", words="changes revisions who restore"),
        Entry(
            "organization_settings",
            "Organization",
            "building",
            section="settings",
            words="settings name address leave",
        ),
        Entry(
            "preferences", "Preferences", "sliders", key=",", words="theme dark light time zone utc shortcuts"
        ),
    ),
)
GROUPS: Final = (WORKSPACE, ACCOUNT)

WORKSPACE_ACTIONS: Final = Group(
    "Do",
    (
        Entry("key_new", "Create a key", "plus", Permission.OWN_KEYS, words="new api key issue"),
        Entry("guardrail_new", "Create a guardrail", "plus", CONFIGURE, words="new add"),
        Entry("preset_new", "Create a preset", "plus", Permission.PRESETS_CHANGE, words="new add"),
        Entry("byok_new", "Add a provider key", "plus", CONFIGURE, words="new byok credential"),
        Entry("destination_new", "Add a destination", "plus", CONFIGURE, words="new broadcast trace"),
        Entry("keys_transfer", "Move keys to another workspace", "layers", words="transfer"),
    ),
    is_of_workspace=True,
)
ACCOUNT_ACTIONS: Final = Group(
    "Do",
    (
        Entry("workspace_new", "Create a workspace", "plus", Permission.WORKSPACE_CREATE, words="new add"),
        Entry("member_invite", "Invite a member", "people", MANAGE, words="new add people person"),
        Entry("management_key_new", "Create a management key", "plus", Permission.MANAGEMENT_KEYS),
        Entry("private_endpoint_new", "Add a private endpoint", "plus", MANAGE, words="new vllm ollama own"),
        Entry("credits_add", "Add credits", "credits", MANAGE, words="top up pay money"),
        Entry(
            "profile", "Your profile and sign-in", "gear", words="name password two-factor passkey sessions"
        ),
    ),
)
ACTIONS: Final = (WORKSPACE_ACTIONS, ACCOUNT_ACTIONS)


@dataclass(frozen=True)
class Reader:
    """For whom links are made: where he is, and what the table lets him do there and in the organization."""

    organization: str
    workspace: str
    may_here: Callable[[Permission], bool]
    may_in_organization: Callable[[Permission], bool]
    section: str = ""

    def links(self, groups: Iterable[Group]) -> list[LinkGroup]:
        """The groups without what does not exist or is not for him; empty ones are left out."""
        made = [LinkGroup(group.title, self._links_of(group)) for group in groups]
        return [group for group in made if group.links]

    def address(self, name: str) -> str:
        """The address of a page by its name, in the workspace, in the organization or of the person; else empty."""
        here = self._address(name, is_of_workspace=True) if self.workspace else ""
        return here or self._address(name, is_of_workspace=False)

    def _links_of(self, group: Group) -> list[Link]:
        if group.is_of_workspace and not self.workspace:
            return []
        may = self.may_here if group.is_of_workspace else self.may_in_organization
        allowed = [entry for entry in group.entries if entry.permission is None or may(entry.permission)]
        found = [
            (entry, self._address(entry.name, is_of_workspace=group.is_of_workspace)) for entry in allowed
        ]
        return [Link(entry, href, self._is_current(entry)) for entry, href in found if href]

    def _is_current(self, entry: Entry) -> bool:
        return self.section == (entry.section or entry.name)

    def _address(self, name: str, *, is_of_workspace: bool) -> str:
        places = [{"organization": self.organization}, {}]
        if is_of_workspace:  # or with a workspace of its own, as the chat room
            places = [{"organization": self.organization, "workspace": self.workspace}, places[0]]
        for place in places:
            try:
                return reverse(f"dashboard:{name}", kwargs=place)
            except NoReverseMatch:
                continue
        return ""
