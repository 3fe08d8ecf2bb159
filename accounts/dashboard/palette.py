"""The palette: everything that somebody may go to or do, found by a few letters; one address, a bounded number of
queries, and nothing that he may not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from accounts.dashboard.navigation import ACTIONS, GROUPS, Link, LinkGroup
from accounts.dashboard.pages import OrganizationView, workspace_named
from accounts.models import Membership
from config.lib.registry import Slot

MOST_LETTERS: Final = 100
MOST_OF_A_KIND: Final = 6


@dataclass(frozen=True)
class Asked:
    """What is looked for, and for whom; `workspace` is where he is."""

    membership: Membership
    text: str
    workspace: Any  # a workspace; higher apps know what that is
    count: int = MOST_OF_A_KIND


@dataclass(frozen=True)
class Found:
    """A place to go to; `note` tells it from others of the same name."""

    title: str
    href: str
    icon: str
    note: str = ""
    key: str = ""


@dataclass(frozen=True)
class FoundGroup:
    """Places of one kind, the best first."""

    title: str
    items: Sequence[Found]


palette_finders: Slot[[Asked], FoundGroup] = Slot("palette_finders")
"""Each answers with one kind of object in one query. Without a text: with what one would want, or with nothing."""


class PaletteView(OrganizationView):
    """`/o/{organization}/find?q=…&w=…`: a page of its own, or the list that the palette shows."""

    def header_workspace(self) -> Any:
        """The workspace that the address names, else the last one."""
        named = workspace_named(self.membership, self.asked("w")) if self.asked("w") else []
        return next(iter(named), None) or super().header_workspace()

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Pages and actions from the navigation, then what the apps find."""
        asked = Asked(self.membership, self.asked("q")[:MOST_LETTERS], self.place)
        groups = [*_pages(self.reader.links(GROUPS), asked), *_actions(self.reader.links(ACTIONS), asked)]
        groups += palette_finders(asked)
        return self.page(
            "accounts/palette.html",
            groups=[group for group in groups if group.items],
            sought=asked.text,
        )


def _pages(groups: list[LinkGroup], asked: Asked) -> list[FoundGroup]:
    found = [
        Found(link.entry.label, link.href, link.entry.icon, group.title, link.entry.key)
        for group in groups
        for link in _matching(group.links, asked.text)
    ]
    return [FoundGroup("Pages", found[: 2 * asked.count] if asked.text else found[: asked.count])]


def _actions(groups: list[LinkGroup], asked: Asked) -> list[FoundGroup]:
    found = [
        Found(link.entry.label, link.href, link.entry.icon)
        for group in groups
        for link in _matching(group.links, asked.text)
    ]
    return [FoundGroup("Actions", found[: asked.count if asked.text else 3])]


def _matching(links: list[Link], text: str) -> list[Link]:
    """Those whose label holds every word, then those of which every word begins a synonym or is in the label."""
    words = text.lower().split()
    in_label = [link for link in links if all(word in link.entry.label.lower() for word in words)]
    known = [link for link in links if all(_means(link, word) for word in words)]
    return [*in_label, *(link for link in known if link not in in_label)]


def _means(link: Link, word: str) -> bool:
    synonyms = link.entry.words.split()
    return word in link.entry.label.lower() or any(synonym.startswith(word) for synonym in synonyms)
