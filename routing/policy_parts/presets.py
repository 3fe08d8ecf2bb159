"""A workspace's presets, as requests refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from routing.models import Preset, PresetVersion
from routing.policy import PresetContent, PresetEntry
from workspaces.models import Workspace

_contents: WeakValueDictionary[int, PresetContent] = WeakValueDictionary()
"""By the version's primary key. A version never changes: the policies of all keys of a workspace share its content."""


def presets_of(workspace: Workspace, *, using: str) -> Mapping[str, PresetEntry]:
    """The workspace's presets by their slugs; one query, and another one for what no policy holds yet."""
    presets = Preset.objects.using(using).for_workspace(workspace).live().order_by("pk")
    rows = list(presets.values_list("slug", "public_id", "status", "designated_version_id"))
    wanted = [version for _, _, status, version in rows if status == Preset.ACTIVE and version is not None]
    contents = _contents_of(workspace, wanted, using) if wanted else {}
    return {slug: PresetEntry(slug, str(key), status, contents.get(pk)) for slug, key, status, pk in rows}


def _contents_of(workspace: Workspace, wanted: Iterable[int], using: str) -> dict[int, PresetContent]:
    held = {pk: content for pk in wanted if (content := _contents.get(pk)) is not None}
    missing = [pk for pk in wanted if pk not in held]
    if missing:
        versions = PresetVersion.objects.using(using).for_workspace(workspace).filter(pk__in=missing)
        columns = ("pk", "public_id", "number", "system_prompt", "config_text")
        for row in versions.order_by("pk").values_list(*columns).iterator(chunk_size=50):
            held[row[0]] = _contents.setdefault(row[0], _content(*row[1:]))
    return held


def _content(public_id: Any, number: int, prompt: str | None, config_text: str) -> PresetContent:
    return PresetContent(str(public_id), number, prompt, config_text.encode())
