"""Forms about organizations, their members and their management keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.text import slugify

from accounts.invitations import Place
from accounts.models import ManagementKey, Membership, Organization, User

SLUG = RegexValidator(
    r"\A[a-z0-9]+(?:-[a-z0-9]+)*\Z", "Lower-case letters and digits, in parts joined by single hyphens."
)
ROLES = [(Membership.MEMBER, "Member"), (Membership.ADMIN, "Administrator")]
EXPIRIES = [
    ("", "Never"),
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
]
QUIET = {"autocomplete": "off"}


class OrganizationForm(forms.Form):
    """What an organization is called, and where it is found."""

    name = forms.CharField(
        max_length=Organization._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs=QUIET),
    )
    slug = forms.CharField(
        label="Address",
        max_length=Organization._meta.get_field("slug").max_length,
        validators=[SLUG],
        widget=forms.TextInput(attrs=QUIET | {"autocapitalize": "none", "spellcheck": "false"}),
    )

    def refuse_address(self) -> None:
        """Say that the address is taken, in the page's words: it may have followed from the name."""
        taken = self.cleaned_data["slug"]
        self.add_error("slug", f"Another organization has the address “{taken}”.")


class NewOrganizationForm(OrganizationForm):
    """A new one; its address follows from its name unless it is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False

    def clean(self) -> dict[str, Any]:
        """Fill in the address."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("name") and not values.get("slug") and "slug" not in self.errors:
            values["slug"] = slugify(values["name"])[:50].strip("-")
            if not values["slug"]:
                self.add_error("slug", "Give it an address of letters and digits.")
        return values


class InviteForm(forms.Form):
    """Whom to invite, as what, and into which workspaces."""

    email = forms.EmailField(max_length=254, widget=forms.EmailInput(attrs=QUIET | {"autofocus": True}))
    role = forms.ChoiceField(choices=ROLES, initial=Membership.MEMBER)
    workspaces = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, places: list[Place], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(place.public_id, place.name) for place in places if not place.is_default]
        self.fields["workspaces"].choices = choices  # type: ignore[attr-defined]  # a field of choices
        if not choices:
            del self.fields["workspaces"]


class ManagementKeyForm(forms.Form):
    """A new management key."""

    name = forms.CharField(
        max_length=ManagementKey._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs=QUIET | {"autofocus": True}),
    )
    expires = forms.ChoiceField(label="Expires", choices=EXPIRIES, required=False)

    def expires_at(self) -> datetime | None:
        """When the key stops working."""
        days = self.cleaned_data["expires"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class ProfileForm(forms.Form):
    """What a person says about himself."""

    name = forms.CharField(
        required=False,
        max_length=User._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    default_organization = forms.ChoiceField(label="Open after signing in", required=False)

    def __init__(self, *args: Any, organizations: list[Organization], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organizations = {row.slug: row for row in organizations}
        choices = [("", "The first by name"), *((row.slug, row.name) for row in organizations)]
        self.fields["default_organization"].choices = choices  # type: ignore[attr-defined]  # a field of choices

    def changes(self) -> dict[str, Any]:
        """As the domain wants them."""
        chosen = self.organizations.get(self.cleaned_data["default_organization"])
        return {"name": self.cleaned_data["name"], "default_organization": chosen}


class ConfirmForm(forms.Form):
    """The name typed again, for what cannot be undone."""

    name = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True})
    )

    def __init__(self, *args: Any, expected: str, what: str = "the name", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected, self.what = expected, what

    def clean_name(self) -> str:
        """The name, if it is the right one."""
        typed = str(self.cleaned_data["name"])
        if typed.strip() != self.expected.strip():
            raise forms.ValidationError(f"This is not {self.what}.")
        return typed
