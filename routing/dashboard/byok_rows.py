"""A workspace's credentials as its page shows them: by provider, before and after our endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from routing.models import ByokCredential

BEFORE, AFTER = "before", "after"
HERE, EVERYWHERE = "workspace", "everywhere"


@dataclass(frozen=True)
class Row:
    """A credential, and where it stands among those that it can change places with."""

    credential: ByokCredential
    position: int
    is_last: bool
    may_change: bool

    @property
    def restrictions(self) -> list[str]:
        """Whom and what it is for, in a few words."""
        row = self.credential
        told = (
            ("model", row.allowed_models),
            ("key", row.allowed_api_key_ids),
            ("member", row.allowed_member_ids),
        )
        return [_counted(name, len(listed)) for name, listed in told if listed is not None]

    @property
    def is_unusable(self) -> bool:
        """Whether one of its filters admits nothing any more."""
        row = self.credential
        return [] in (row.allowed_models, row.allowed_api_key_ids, row.allowed_member_ids)


@dataclass(frozen=True)
class Rank:
    """Credentials of one place, which are tried one after the other."""

    place: str
    rows: list[Row]


@dataclass(frozen=True)
class Section:
    """What is tried before, or after, our endpoints; a workspace's own come before global ones."""

    slug: str
    ranks: list[Rank]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is tried here."""
        return not any(rank.rows for rank in self.ranks)


@dataclass(frozen=True)
class ProviderCard:
    """A provider with its credentials."""

    slug: str
    name: str
    sections: list[Section]
    count: int

    @property
    def anchor(self) -> str:
        """Its name in the page."""
        return f"provider-{self.slug.replace('/', '-')}"


def card_of(
    slug: str, name: str, credentials: Iterable[ByokCredential], *, may_change_everywhere: bool
) -> ProviderCard:
    """A provider's card; the credentials come in the order in which they are tried."""
    rows = list(credentials)
    places = [HERE, EVERYWHERE] if any(row.workspace_id is None for row in rows) else [HERE]
    if all(row.workspace_id is None for row in rows):
        places = [EVERYWHERE]
    sections = [
        Section(
            section,
            [
                Rank(place, _ranked(rows, section, place, place == HERE or may_change_everywhere))
                for place in places
            ],
        )
        for section in (BEFORE, AFTER)
    ]
    return ProviderCard(slug, name, sections, len(rows))


def _ranked(rows: list[ByokCredential], section: str, place: str, may_change: bool) -> list[Row]:
    found = [
        row
        for row in rows
        if row.is_fallback == (section == AFTER) and (row.workspace_id is None) == (place == EVERYWHERE)
    ]
    last = len(found) - 1
    return [Row(row, number, number == last, may_change) for number, row in enumerate(found)]


def _counted(name: str, count: int) -> str:
    return f"{count or 'no'} {name}{'' if count == 1 else 's'}"
