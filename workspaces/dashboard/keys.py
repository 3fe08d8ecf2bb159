"""The pages of a workspace's keys: the list, and making one."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse

from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM, order_asked
from workspaces import api_keys
from workspaces.dashboard.forms import NewKeyForm
from workspaces.dashboard.key_guardrails import ChoiceGone, GuardrailChoice, choices_for, key_held
from workspaces.dashboard.key_lists import ORDERS, OWNERS, STATES, in_order, narrowed
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.snippets import api_address, snippets
from workspaces.key_secrets import addressed
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

    def guardrails(self) -> list[GuardrailChoice] | None:
        """Those that keys can be held to; None for somebody who may not choose."""
        return choices_for(self.workspace) if self.may(Permission.WORKSPACE_CONFIGURE) else None

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return self.go_to("keys")

    def issued_page(self, issued: api_keys.IssuedKey) -> HttpResponse:
        """Show a secret, in this answer and nowhere else, with a first request to copy."""
        lines = snippets(self.workspace, api_address(self.request), secret=issued.secret)
        return self.page("workspaces/key_issued.html", key=issued.key, secret=issued.secret, snippets=lines)


class KeysView(KeysPage):
    """`/o/{organization}/w/{workspace}/keys`."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The visible keys that the address asks for, with what they spent."""
        asked = {name: self.asked(name) for name in ("q", "state", "owner")}
        order = order_asked(self.asked("sort"), ORDERS, "-created")
        rows = in_order(narrowed(self.visible_keys(), asked, self.membership), order)
        pages = Paginator(rows.select_related("owner__user"), PAGE_SIZE).get_page(self.asked("page"))
        return self.page(
            "workspaces/keys.html",
            statuses=statuses_of(pages),
            pages=pages,
            order=order,
            asked=asked,
            is_narrowed=any(asked.values()),
            states=STATES,
            owners=OWNERS if self.may(Permission.OTHERS_KEYS) else [],
            snippets=snippets(self.workspace, api_address(request)),
        )


class NewKeyView(KeysPage):
    """`…/keys/new`: the form, and then the secret, once."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The empty form."""
        return self.page("workspaces/key_new.html", form=self._form())

    def post(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """Issue the key and show its secret."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                return self.issued_page(self._issued(form))
            except ChoiceGone as refusal:
                form.add_error("guardrail", str(refusal))
        return self.page("workspaces/key_new.html", form=form, status=INVALID_FORM)

    def _issued(self, form: NewKeyForm) -> api_keys.IssuedKey:
        with transaction.atomic():
            issued = api_keys.issue(
                workspace=self.workspace,
                owner=None if form.is_system else self.membership,
                expires_at=form.expires_at(),
                by=self.actor,
                **form.changes(),
            )
            if form.guardrail_id:
                key_held(issued.key, form.guardrail_id, self.actor)
        return issued

    def _form(self, *args: Any) -> NewKeyForm:
        may_be_system = self.may(Permission.OTHERS_KEYS)
        return NewKeyForm(*args, may_be_system=may_be_system, guardrails=self.guardrails())


class KeyPage(KeysPage):
    """A page about one key, which the address names by the hash of its present secret or of a former one."""

    key: ApiKey

    def enter(self) -> None:
        super().enter()
        key = addressed(self.visible_keys().select_related("owner__user", "created_by"), self.kwargs["key"])
        if key is None:
            raise Http404
        key.organization = self.organization  # read already
        self.key = key
