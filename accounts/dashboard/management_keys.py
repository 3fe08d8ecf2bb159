"""The pages of management keys: the list, making one, ending it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import management_keys
from accounts.dashboard.forms import ConfirmForm, ManagementKeyForm
from accounts.dashboard.pages import OrganizationView
from accounts.models import ManagementKey
from accounts.models.management_key import ManagementKeyQuerySet
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.environment import environment
from config.lib.keyset import UnknownCursor, newest_first

PAGE_SIZE = 50
EXAMPLE = """\
curl {base_url}/api/v1/workspaces \\
  -H "Authorization: Bearer $HEADGATE_MANAGEMENT_KEY\""""


class ManagementKeysPage(OrganizationView):
    """What the pages share."""

    permission = Permission.ACCOUNT_MANAGE
    section = "management_keys"

    def keys(self) -> ManagementKeyQuerySet:
        """Those that were not revoked."""
        rows: ManagementKeyQuerySet = ManagementKey.objects.for_organization(self.organization)
        return rows.filter(deleted_at=None).select_related("created_by")

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect("dashboard:management_keys", organization=self.organization.slug)


class ManagementKeysView(ManagementKeysPage):
    """`/o/{organization}/management-keys`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The keys, the newest first."""
        try:
            page = newest_first(self.keys(), before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        template = (
            "accounts/_management_key_rows.html" if self.is_continuation else "accounts/management_keys.html"
        )
        return self.page(
            template,
            page=page,
            is_first_page=not self.asked("before"),
            example=EXAMPLE.format(base_url=environment().base_url.rstrip("/")),
        )


class NewManagementKeyView(ManagementKeysPage):
    """`…/management-keys/new`: the form, and then the secret, once."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The empty form."""
        return self.page("accounts/management_key_new.html", form=ManagementKeyForm())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Issue the key and show its secret in this answer and nowhere else."""
        form = ManagementKeyForm(request.POST)
        if not form.is_valid():
            return self.page("accounts/management_key_new.html", form=form, status=INVALID_FORM)
        issued = management_keys.issue(
            organization=self.organization,
            name=form.cleaned_data["name"],
            expires_at=form.expires_at(),
            by=self.actor,
        )
        return self.page("accounts/management_key_issued.html", key=issued.key, secret=issued.secret)


class RevokeManagementKeyView(ManagementKeysPage):
    """`…/management-keys/{hash}/revoke`."""

    key: ManagementKey

    def enter(self) -> None:
        super().enter()
        key = self.keys().filter(hash=self.kwargs["key"]).first()
        if key is None:
            raise Http404
        self.key = key

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Say what will break, and ask for the name."""
        return self.page("accounts/management_key_revoke.html", key=self.key, form=self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Revoke it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            page = "accounts/management_key_revoke.html"
            return self.page(page, key=self.key, form=form, status=INVALID_FORM)
        management_keys.revoke(key=self.key, by=self.actor)
        messages.success(request, f"“{self.key.name}” is revoked.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.key.name, what="the key's name")
