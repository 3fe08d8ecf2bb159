"""The pages of a workspace's keys: the list, making one, changing it, ending it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.keyset import UnknownCursor, newest_first
from workspaces import api_keys
from workspaces.dashboard.forms import KeyForm, NewKeyForm
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.snippets import snippets
from workspaces.key_secrets import addressed, secrets_of
from workspaces.models import ApiKey
from workspaces.models.api_key import ApiKeyQuerySet
from workspaces.visible_keys import keys_visible_to, statuses_of

PAGE_SIZE = 50


class KeysPage(WorkspaceView):
    """What the pages of keys share."""

    permission = Permission.OWN_KEYS
    section = "keys"

    def visible_keys(self) -> ApiKeyQuerySet:
        """The keys that this person may know of."""
        return keys_visible_to(self.membership, self.standing, self.workspace)

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect("dashboard:keys", organization=self.organization.slug, workspace=self.workspace.slug)


class KeysView(KeysPage):
    """`/o/{organization}/w/{workspace}/keys`."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The visible keys, newest first, with what they spent."""
        sought = self.asked("q")
        rows = self.visible_keys().named_like(sought).select_related("owner__user", "created_by")
        try:
            page = newest_first(rows, before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        template = "workspaces/_key_rows.html" if self.is_continuation else "workspaces/keys.html"
        return self.page(
            template,
            statuses=statuses_of(page.rows),
            next_cursor=page.next_cursor,
            sought=sought,
            is_first_page=not self.asked("before"),
            snippets=snippets(self.workspace),
        )


class NewKeyView(KeysPage):
    """`…/keys/new`: the form, and then the secret, once."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The empty form."""
        return self.page("workspaces/key_new.html", form=self._form())

    def post(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """Issue the key and show its secret in this answer and nowhere else."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self.page("workspaces/key_new.html", form=form, status=INVALID_FORM)
        issued = api_keys.issue(
            workspace=self.workspace,
            owner=None if form.is_system else self.membership,
            expires_at=form.expires_at(),
            by=self.actor,
            **form.changes(),
        )
        return self.page(
            "workspaces/key_issued.html",
            key=issued.key,
            secret=issued.secret,
            snippets=snippets(self.workspace, secret=issued.secret),
        )

    def _form(self, *args: Any) -> NewKeyForm:
        return NewKeyForm(*args, may_be_system=self.may(Permission.OTHERS_KEYS))


class KeyPage(KeysPage):
    """A page about one key, which the address names by the hash of its present secret or of a former one."""

    key: ApiKey

    def enter(self) -> None:
        super().enter()
        key = addressed(self.visible_keys().select_related("owner__user"), self.kwargs["key"])
        if key is None:
            raise Http404
        self.key = key


class EditKeyView(KeyPage):
    """`…/keys/{hash}`: the key's name and limit."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The form as the key is."""
        return self.drawn(KeyForm.of(self.key))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Change it."""
        form = KeyForm(request.POST)
        if not form.is_valid():
            return self.drawn(form, status=INVALID_FORM)
        changed = api_keys.change(key=self.key, by=self.actor, **form.changes())
        messages.success(request, f"Saved “{changed.name}”.")
        return self.to_list()

    def drawn(self, form: KeyForm, *, status: int = 200) -> HttpResponse:
        """The form, and the key's secrets where there are several."""
        secrets = secrets_of(self.key)
        return self.page(
            "workspaces/key_edit.html",
            status=status,
            key=self.key,
            form=form,
            secrets=secrets if len(secrets) > 1 else [],
            may_transfer=self.may(Permission.OTHERS_KEYS),
        )


class SwitchKeyView(KeyPage):
    """`…/keys/{hash}/disable` and `/enable`."""

    is_disabled: bool = False

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Turn the key off or on."""
        api_keys.change(key=self.key, by=self.actor, is_disabled=self.is_disabled)
        said = "is disabled: requests with it are refused" if self.is_disabled else "works again"
        messages.success(request, f"“{self.key.name}” {said}.")
        return self.to_list()


class DeleteKeyView(KeyPage):
    """`…/keys/{hash}/delete`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Say what will break, and ask for the name."""
        return self.page("workspaces/key_delete.html", key=self.key, form=self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self.page("workspaces/key_delete.html", key=self.key, form=form, status=INVALID_FORM)
        api_keys.delete(key=self.key, by=self.actor)
        messages.success(request, f"“{self.key.name}” is deleted.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.key.name, what="the key's name")
