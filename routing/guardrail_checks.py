"""What a guardrail's settings have to be, whichever door they come through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.slug_lists import NotASlugList, check_slug_lists
from routing.guardrails import ACTIONS, BUILTINS
from routing.guardrails.patterns import InvalidPattern, compile_pattern

MOST_FILTERS = 500
LONGEST_LABEL = 100
DATA_REGIONS = ("global", "europe", "us")


class InvalidGuardrail(ValueError):
    """The settings cannot be; the message names the field."""


class InvalidRegexPattern(InvalidGuardrail):
    """A custom filter's pattern is none; the contract's `invalid_regex_pattern`."""


def check_columns(columns: Mapping[str, Any]) -> None:
    """Pass, or raise InvalidGuardrail for what is about to be written to a guardrail."""
    try:
        check_slug_lists(columns)
    except NotASlugList as error:
        raise InvalidGuardrail(str(error)) from error
    _check_regions(columns.get("allowed_data_regions"))
    for number, entry in enumerate(_entries(columns, "content_filters")):
        _check_filter(f"content_filters[{number}]", entry)
    for number, entry in enumerate(_entries(columns, "content_filter_builtins")):
        _check_builtin(f"content_filter_builtins[{number}]", entry)


def check_limit(limit_nano: int | None, interval: str | None) -> None:
    """Pass, or raise InvalidGuardrail: a limit and its interval come together or not at all."""
    if (limit_nano is None) != (interval is None):
        missing = "limit_usd" if limit_nano is None else "reset_interval"
        raise InvalidGuardrail(f"{missing}: limit_usd and reset_interval come together or not at all.")


def _entries(columns: Mapping[str, Any], field: str) -> list[Any]:
    entries = columns.get(field) or []
    if not isinstance(entries, list) or len(entries) > MOST_FILTERS:
        raise InvalidGuardrail(f"{field}: must be null or a list of at most {MOST_FILTERS} filters.")
    if not all(isinstance(entry, dict) for entry in entries):
        raise InvalidGuardrail(f"{field}: each filter is an object.")
    return entries


def _check_regions(regions: Any) -> None:
    if regions is None:
        return
    if not isinstance(regions, list) or not regions or any(region not in DATA_REGIONS for region in regions):
        known = ", ".join(DATA_REGIONS)
        raise InvalidGuardrail(f"allowed_data_regions: must be null or a list of some of {known}.")


def _check_filter(where: str, entry: dict[str, Any]) -> None:
    _check_names(where, entry, {"pattern", "action", "label"})
    _check_action(where, entry)
    label = entry.get("label")
    if label is not None and not (isinstance(label, str) and len(label) <= LONGEST_LABEL):
        raise InvalidGuardrail(f"{where}.label: must be null or have at most {LONGEST_LABEL} characters.")
    pattern = entry.get("pattern")
    if not isinstance(pattern, str):
        raise InvalidGuardrail(f"{where}.pattern: must be a string.")
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        raise InvalidRegexPattern(f"{where}.pattern: invalid_regex_pattern: {error}.") from error


def _check_builtin(where: str, entry: dict[str, Any]) -> None:
    _check_names(where, entry, {"slug", "action", "scan_scope"})
    _check_action(where, entry)
    check = BUILTINS.get(entry["slug"]) if isinstance(entry.get("slug"), str) else None
    if check is None:
        raise InvalidGuardrail(f"{where}.slug: must be one of {', '.join(BUILTINS)}.")
    if check.needs is not None and not check.needs.is_installed:
        needed = check.needs.extra
        raise InvalidGuardrail(f"{where}.slug: {check.slug} needs the extra {needed!r}, not installed here.")
    if "scan_scope" not in entry:
        return
    if entry["scan_scope"] not in check.scan_scopes:
        allowed = (
            f"one of {', '.join(check.scan_scopes)}" if check.scan_scopes else "left out for this filter"
        )
        raise InvalidGuardrail(f"{where}.scan_scope: must be {allowed}.")


def _check_names(where: str, entry: dict[str, Any], known: set[str]) -> None:
    strange = sorted(entry.keys() - known)
    if strange:
        raise InvalidGuardrail(f"{where}.{strange[0][:100]}: is not a field that can be set here.")


def _check_action(where: str, entry: dict[str, Any]) -> None:
    if entry.get("action") not in ACTIONS:
        raise InvalidGuardrail(f"{where}.action: must be one of {', '.join(ACTIONS)}.")
