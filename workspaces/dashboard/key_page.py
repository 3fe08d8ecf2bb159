"""The pages of one key: what it does, what holds it, changing it, ending it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM, Panel
from config.lib.registry import Slot
from workspaces import api_keys
from workspaces.budget_layers import layers_of
from workspaces.dashboard.forms import KeyForm
from workspaces.dashboard.key_guardrails import ChoiceGone, GuardrailChoice, held_to, key_held
from workspaces.dashboard.keys import KeyPage
from workspaces.key_secrets import Secret, secrets_of
from workspaces.models import ApiKey
from workspaces.visible_keys import statuses_of

key_panels: Slot[[ApiKey], Panel] = Slot("key_panels")
"""What higher apps add to a key's page; each reads the key as `panel.key`."""
LAYER_NAMES = {
    "workspace_default_member": "Workspace’s guardrail, its owner",
    "workspace_default_key": "Workspace’s guardrail, each key",
    "member": "Owner’s guardrail",
    "api_key": "Key’s guardrail",
    "workspace": "Workspace’s budget",
    "key_limit": "Key’s own limit",
}


class KeyView(KeyPage):
    """`…/keys/{hash}`: a page of its own, or the drawer beside the list."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Its use, its limits, who made it, its secrets, its latest requests."""
        [use] = statuses_of([self.key])
        return self.page(
            "workspaces/key.html",
            key=self.key,
            use=use,
            layers=[(LAYER_NAMES[layer.scope], layer) for layer in layers_of(self.key)],
            secrets=self._secrets(),
            guardrail=held_to(self.key),
            may_transfer=self.may(Permission.OTHERS_KEYS),
            panels=key_panels(self.key),
        )

    def _secrets(self) -> list[Secret]:
        """Where there are several; nothing is asked where there is one."""
        is_alone = self.key.secret_number == 1 and self.key.external_hash is None
        return [] if is_alone else secrets_of(self.key)


class EditKeyView(KeyPage):
    """`…/keys/{hash}/edit`: the key's name, its limits, its end and its guardrail."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The form as the key is."""
        held = held_to(self.key)
        values = KeyForm.values_of(self.key) | {"guardrail": held.id if held else ""}
        return self._page(self._form(held, initial=values))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Change it."""
        form = self._form(held_to(self.key), request.POST)
        if form.is_valid():
            try:
                self._change(form)
            except ChoiceGone as refusal:
                form.add_error("guardrail", str(refusal))
            else:
                messages.success(request, f"Saved “{form.cleaned_data['name']}”.")
                return self.to_list()
        return self._page(form, status=INVALID_FORM)

    def _change(self, form: KeyForm) -> None:
        with transaction.atomic():
            changed = api_keys.change(key=self.key, by=self.actor, **form.changes())
            if form.guardrail_id is not None:
                key_held(changed, form.guardrail_id, self.actor)

    def _form(self, held: GuardrailChoice | None, *args: Any, **kwargs: Any) -> KeyForm:
        """With the guardrail that the key is held to among the choices, whichever workspace it is of."""
        guardrails = self.guardrails()
        if guardrails is not None and held is not None and held not in guardrails:
            guardrails = [held, *guardrails]
        return KeyForm(*args, key=self.key, guardrails=guardrails, **kwargs)

    def _page(self, form: KeyForm, *, status: int = 200) -> HttpResponse:
        return self.page("workspaces/key_edit.html", key=self.key, form=form, status=status)


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
