"""The form of an account's privacy settings, the ceiling of all its workspaces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.models import PrivacySettings
from accounts.privacy import MOST_PHRASES
from routing.dashboard.restrictions_form import KEEPING_OUT, ZDR, RestrictionsForm

ON, OFF = "on", "off"


@dataclass(frozen=True)
class PhraseRow:
    """A phrase that is no prompt injection, and whether that holds now."""

    phrase: str = ""
    is_active: bool = True


class PrivacyForm(RestrictionsForm):
    """What the account allows at most."""

    flags = (*KEEPING_OUT, *ZDR)
    is_io_logging_allowed = forms.BooleanField(
        label="Workspaces may keep prompts and completions", required=False
    )

    def __init__(self, *args: Any, stored: PrivacySettings, **kwargs: Any) -> None:
        initial = {"is_io_logging_allowed": stored.is_io_logging_allowed}
        super().__init__(*args, stored=stored, initial=initial, **kwargs)

    @cached_property
    def phrases(self) -> list[PhraseRow]:
        """The allowlist's rows; those that were emptied are gone."""
        if not self.is_bound or not isinstance(self.data, QueryDict):
            stored = self.stored.prompt_injection_allowlist
            return [PhraseRow(one["phrase"], one["is_active"]) for one in stored]
        columns = [self.data.getlist(name) for name in ("phrase", "phrase_state")]
        rows = [PhraseRow(text, state != OFF) for text, state in zip_longest(*columns, fillvalue="")]
        return [row for row in rows if row.phrase.strip()][: MOST_PHRASES + 1]

    def clean(self) -> dict[str, Any]:
        """PostgreSQL keeps no null characters."""
        values = super().clean() or self.cleaned_data
        if any("\x00" in row.phrase for row in self.phrases):
            self.add_error(None, "A phrase holds a null character.")
        return values

    def columns(self) -> dict[str, Any]:
        """The settings' columns as the domain wants them, as far as the form is valid."""
        given = getattr(self, "cleaned_data", {})
        phrases = [{"phrase": row.phrase, "is_active": row.is_active} for row in self.phrases]
        return self.restrictions() | {
            "is_io_logging_allowed": given.get("is_io_logging_allowed", self.stored.is_io_logging_allowed),
            "prompt_injection_allowlist": phrases,
        }
