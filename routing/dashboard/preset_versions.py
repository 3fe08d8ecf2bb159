"""The versions of a preset: what each changed, any two beside each other, and which one requests get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from routing import presets
from routing.dashboard.line_diff import Line, compared
from routing.dashboard.presets import PresetPage
from routing.models import PresetVersion

PAGE_SIZE = 20
NUMBERS_LISTED = 200


@dataclass(frozen=True)
class VersionLine:
    """A version, and by name what it changed; the first one came from nothing."""

    version: PresetVersion
    changed: list[str]
    before: int | None


@dataclass(frozen=True)
class Compared:
    """A parameter that differs, line by line."""

    name: str
    what: str
    lines: list[Line]


class VersionsView(PresetPage):
    """`…/presets/{id}/versions`."""

    tab = "versions"

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """A page of them, the newest first."""
        rows = presets.versions_of(self.preset).select_related("created_by").order_by("-number")
        page = Paginator(rows, PAGE_SIZE).get_page(self.asked("page"))
        return self.page("routing/preset_versions.html", page=page, lines=self._lines(list(page)))

    def _lines(self, versions: list[PresetVersion]) -> list[VersionLine]:
        """With what each changed; one query for the one before the page's last."""
        before = None
        if versions:
            older = presets.versions_of(self.preset).filter(number__lt=versions[-1].number)
            before = older.order_by("-number").first()
        pairs = zip(versions, [*versions[1:], before], strict=True)
        return [
            VersionLine(
                version,
                list(presets.difference(older or PresetVersion(), version)),
                older.number if older else None,
            )
            for version, older in pairs
        ]


class CompareVersionsView(PresetPage):
    """`…/presets/{id}/versions/compare?from=3&to=5`."""

    tab = "versions"

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """What differs; without numbers, what the newest version changed."""
        newest = presets.versions_of(self.preset).order_by("-number")
        numbers = list(newest.values_list("number", flat=True)[:NUMBERS_LISTED])
        older = self.version_numbered(self.asked("from") or str(min(numbers[1:2] or numbers)))
        newer = self.version_numbered(self.asked("to") or str(numbers[0]))
        changes = presets.difference(older, newer)
        return self.page(
            "routing/preset_compare.html",
            older=older,
            newer=newer,
            numbers=[
                (str(one), f"Version {one}")
                for one in sorted({*numbers, older.number, newer.number}, reverse=True)
            ],
            chosen={"from": str(older.number), "to": str(newer.number)},
            changes=[
                Compared(name, _what(*values), compared(*values)) for name, values in sorted(changes.items())
            ],
        )


class UseVersionView(PresetPage):
    """`…/presets/{id}/versions/{number}/use`."""

    permission = Permission.PRESETS_CHANGE

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Let requests get this version."""
        version = self.version_numbered(self.kwargs["number"])
        presets.change(preset=self.preset, by=self.actor, designated_version=version)
        messages.success(request, f"Requests get version {version.number} within a second.")
        return redirect("dashboard:preset_versions", **self.where, preset=self.preset.public_id)


def _what(before: Any, after: Any) -> str:  # JSON of any kind
    if before is None:
        return "added"
    return "removed" if after is None else "changed"
