"""How the dashboard looks and behaves for one person, kept in his browser's cookies: no other browser, nobody else."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.dashboard.pages import OrganizationView
from config.lib.dashboard import INVALID_FORM
from workspaces.members import workspaces_of

YEAR_SECONDS: Final = 365 * 24 * 3600
COOKIES: Final = {"theme": "headgate_theme", "times": "headgate_times", "shortcuts": "headgate_shortcuts"}
OPENS: Final = "headgate_opens"
"""The slug of the workspace that an organization opens with; the cookie's path is the organization's address."""
MOST_WORKSPACES: Final = 200


class PreferencesForm(forms.Form):
    """Every answer has a default, so an empty browser is a valid one."""

    theme = forms.ChoiceField(
        label="Look", choices=[("system", "As the system"), ("light", "Light"), ("dark", "Dark")]
    )
    times = forms.ChoiceField(
        label="Times", choices=[("local", "In my time zone"), ("utc", "In UTC, as in logs and invoices")]
    )
    shortcuts = forms.ChoiceField(label="Keyboard shortcuts", choices=[("on", "On"), ("off", "Off")])
    opens = forms.ChoiceField(label="Workspace to open first", required=False)

    def __init__(self, *args: Any, workspaces: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "The one I was in last"), *workspaces]
        self.fields["opens"].choices = choices  # type: ignore[attr-defined]  # a field of choices


class PreferencesView(OrganizationView):
    """`/o/{organization}/preferences`."""

    section = "preferences"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The form as this browser has it."""
        form = PreferencesForm(workspaces=self._workspaces())
        kept = {name: request.COOKIES.get(cookie, "") for name, cookie in COOKIES.items()}
        kept["opens"] = request.COOKIES.get(OPENS, "")
        form.initial = {name: value for name, value in kept.items() if value in _choices(form, name)}
        return self.page("workspaces/preferences.html", form=form)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Keep it."""
        form = PreferencesForm(request.POST, workspaces=self._workspaces())
        if not form.is_valid():
            return self.page("workspaces/preferences.html", form=form, status=INVALID_FORM)
        answer = redirect("dashboard:preferences", organization=self.organization.slug)
        for name, cookie in COOKIES.items():
            _keep(answer, cookie, form.cleaned_data[name])
        root = reverse("dashboard:organization", kwargs={"organization": self.organization.slug})
        _keep(answer, OPENS, form.cleaned_data["opens"], path=root)
        messages.success(request, "Saved in this browser.")
        return answer

    def _workspaces(self) -> list[tuple[str, str]]:
        rows = workspaces_of(self.membership).order_by("-is_default", "name", "pk")[:MOST_WORKSPACES]
        return [(row.slug, row.name) for row in rows]


def _choices(form: PreferencesForm, name: str) -> set[str]:
    return {value for value, _ in form.fields[name].choices}  # type: ignore[attr-defined]  # a field of choices


def _keep(answer: HttpResponse, cookie: str, value: str, *, path: str = "/") -> None:
    answer.set_cookie(
        cookie, value, max_age=YEAR_SECONDS, path=path, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
