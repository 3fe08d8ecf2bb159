"""What an application asks for in an address, and what somebody allows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from config.lib.api_fields import UTC_TIMESTAMP
from config.lib.money import nano_from_usd, plain_usd, usd_from_nano
from workspaces.auth_codes import Request, UnusableChallenge, read_challenge
from workspaces.callbacks import UnusableCallback, check_callback
from workspaces.dashboard.forms import EXPIRIES, LARGEST_LIMIT, LimitedKeyForm
from workspaces.models import ApiKey, Workspace

AS_ASKED = "asked"


class AskForm(forms.Form):
    """The parameters of `/auth`; empty ones count as missing, unknown ones are let be."""

    callback_url = forms.CharField(required=False, strip=False)
    code_challenge = forms.CharField(required=False, strip=False)
    code_challenge_method = forms.CharField(required=False, strip=False)
    key_label = forms.CharField(required=False, max_length=100)
    limit = forms.DecimalField(required=False, min_value=0, max_value=LARGEST_LIMIT, decimal_places=9)
    usage_limit_type = forms.ChoiceField(
        required=False, choices=[(name, name) for name in ApiKey.RESETS if name]
    )
    expires_at = forms.CharField(required=False)
    workspace_id = forms.CharField(required=False, max_length=60)

    def clean_callback_url(self) -> str:
        """A callback that a code may be sent to, or none."""
        url = str(self.cleaned_data["callback_url"])
        if url:
            try:
                check_callback(url)
            except UnusableCallback as error:
                raise forms.ValidationError(str(error)) from None
        return url

    def clean_expires_at(self) -> datetime | None:
        """When the key shall end."""
        text = self.cleaned_data["expires_at"]
        if not text:
            return None
        try:
            if UTC_TIMESTAMP.fullmatch(text):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise forms.ValidationError("must be an ISO 8601 time in UTC with seconds.")

    def clean(self) -> dict[str, Any]:
        """The challenge, which a code that is shown on the screen must have."""
        given = self.cleaned_data
        text, method = given.get("code_challenge") or None, given.get("code_challenge_method") or None
        try:
            given["challenge"] = read_challenge(text, method)
        except UnusableChallenge as error:
            raise forms.ValidationError(str(error)) from None
        if given["challenge"] is None and not self.data.get("callback_url"):
            raise forms.ValidationError("callback_url: without one, a code_challenge is needed.")
        return given

    def asked(self) -> Request:
        """The request as the domain has it; of a valid form."""
        given = self.cleaned_data
        return Request(
            callback_url=given["callback_url"],
            challenge=given["challenge"],
            key_label=given["key_label"],
            limit_nano=None if given["limit"] is None else nano_from_usd(given["limit"]),
            limit_interval=ApiKey.RESETS[given["usage_limit_type"] or None],
            expires_at=given["expires_at"],
        )


class ConsentForm(LimitedKeyForm):
    """Where the key will be and what it may spend; what the application asked for is filled in."""

    workspace = forms.ChoiceField()
    expires = forms.ChoiceField(label="Expires", required=False)

    def __init__(self, *args: Any, asked: Request, places: list[Workspace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whoever comes here with a finger on Enter must not have allowed it.
        del self.fields["name"].widget.attrs["autofocus"]
        self._asked, self._places = asked, {str(place.public_id): place for place in places}
        self.fields["workspace"].choices = _by_organization(places)  # type: ignore[attr-defined]
        wished = (
            [(AS_ASKED, f"{asked.expires_at:%Y-%m-%d %H:%M} UTC, as it asks")] if asked.expires_at else []
        )
        self.fields["expires"].choices = [*wished, *EXPIRIES]  # type: ignore[attr-defined]

    @classmethod
    def filled(cls, asked: Request, places: list[Workspace], place: Workspace | None) -> ConsentForm:
        """The form with what the application asks for."""
        limit = None if asked.limit_nano is None else plain_usd(usd_from_nano(asked.limit_nano))
        initial = {
            "name": asked.key_name,
            "limit_usd": limit,
            "limit_reset": asked.limit_interval,
            "expires": AS_ASKED if asked.expires_at else "",
            "workspace": str(place.public_id) if place else None,
        }
        return cls(asked=asked, places=places, initial=initial)

    @property
    def chosen(self) -> Workspace:
        """The workspace of a valid form."""
        return self._places[self.cleaned_data["workspace"]]

    def allowed(self) -> Request:
        """What is allowed instead of what was asked for; the callback and the challenge stay."""
        changes, expires = self.changes(), self.cleaned_data["expires"]
        end = timezone.now() + timedelta(days=int(expires)) if expires not in ("", AS_ASKED) else None
        return Request(
            callback_url=self._asked.callback_url,
            challenge=self._asked.challenge,
            key_label=changes["name"],
            limit_nano=changes["limit_nano"],
            limit_interval=changes["limit_interval"],
            expires_at=self._asked.expires_at if expires == AS_ASKED else end,
        )


def _by_organization(places: list[Workspace]) -> list[tuple[str, list[tuple[str, str]]]]:
    names = {place.organization_id: place.organization.name for place in places}
    groups: dict[int, list[tuple[str, str]]] = {pk: [] for pk in names}
    for place in places:
        shown = place.name if len(names) == 1 else f"{place.name} · {names[place.organization_id]}"
        groups[place.organization_id].append((str(place.public_id), shown))
    return [(names[pk], choices) for pk, choices in groups.items()]
