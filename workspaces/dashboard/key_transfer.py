"""The page that gives keys to somebody else, moves or deletes them: before their owner leaves the workspace."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from accounts.models import Membership
from accounts.permissions import Permission, Standing
from config.lib.dashboard import INVALID_FORM
from workspaces import api_keys, key_transfer
from workspaces.bulk_members import UnknownMembers, memberships_by_user
from workspaces.dashboard.keys import KeysPage
from workspaces.members import members_of
from workspaces.models import ApiKey, Workspace

GIVE, MOVE, DELETE, SYSTEM = "give", "move", "delete", "system"


class TransferForm(forms.Form):
    """Which keys, and what becomes of them."""

    key = forms.MultipleChoiceField(label="Keys", widget=forms.CheckboxSelectMultiple)
    action = forms.ChoiceField(label="What becomes of them", widget=forms.RadioSelect, initial=GIVE)
    owner = forms.ChoiceField(label="New owner", required=False)
    workspace = forms.ChoiceField(label="Other workspace", required=False)
    confirmation = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(
        self,
        *args: Any,
        keys: list[ApiKey],
        members: list[Membership],
        places: list[Workspace],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._keys = {key.hash: key for key in keys}
        self._members = {row.user.public_id: row for row in members}
        self._places = {place.slug: place for place in places}
        actions = [
            (GIVE, "Give them to"),
            *([(MOVE, "Move them to")] if places else []),
            (DELETE, "Delete them"),
        ]
        self._choose("key", [(key.hash, f"{key.name} ({key.label})") for key in keys])
        self._choose("action", actions)
        self._choose(
            "owner", [(SYSTEM, "The workspace"), *((pk, row.user.email) for pk, row in self._members.items())]
        )
        self._choose("workspace", [(place.slug, place.name) for place in places])
        self.fields["key"].initial = list(self._keys)

    def clean(self) -> dict[str, Any]:
        """A deletion needs the word, and the others need to know where to."""
        given = self.cleaned_data
        for action, field in ((GIVE, "owner"), (MOVE, "workspace")):
            if given.get("action") == action and not given.get(field) and field not in self.errors:
                self.add_error(field, "Choose one.")
        if given.get("action") == DELETE and given.get("confirmation", "").strip() != DELETE:
            self.add_error("confirmation", f"Type {DELETE} to delete them.")
        return given

    @property
    def keys(self) -> list[ApiKey]:
        """The keys of a valid form."""
        return [self._keys[name] for name in self.cleaned_data["key"]]

    @property
    def new_owner(self) -> Membership | None:
        """Whose they shall be; nobody's: the workspace's."""
        return self._members.get(self.cleaned_data["owner"])

    @property
    def new_place(self) -> Workspace | None:
        """Where they shall be."""
        return self._places.get(self.cleaned_data["workspace"])

    def _choose(self, field: str, choices: list[tuple[str, str]]) -> None:
        self.fields[field].choices = choices  # type: ignore[attr-defined]  # it is a field with choices


class TransferKeysView(KeysPage):
    """`…/keys/transfer?owner=user_7` or `?key=…&key=…`; without either, all keys of the workspace."""

    permission = Permission.OTHERS_KEYS

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The keys, and what may become of them."""
        return self.page("workspaces/keys_transfer.html", form=self.form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Do it, to all that were chosen or to none."""
        form = self.form(request.POST)
        if form.is_valid():
            try:
                self.do(form)
                return self.to_list()
            except (api_keys.OwnerNotInWorkspace, api_keys.WorkspaceOfAnother) as refusal:
                form.add_error(None, str(refusal))
        return self.page("workspaces/keys_transfer.html", form=form, status=INVALID_FORM)

    def do(self, form: TransferForm) -> None:
        """One domain call. Raises OwnerNotInWorkspace."""
        action, place, count = form.cleaned_data["action"], form.new_place, len(form.keys)
        if action == DELETE:
            key_transfer.delete(keys=form.keys, by=self.actor)
            said = "deleted"
        elif action == MOVE and place is not None:
            key_transfer.move(keys=form.keys, workspace=place, by=self.actor)
            said = f"in {place.name} now"
        else:
            key_transfer.give(keys=form.keys, owner=form.new_owner, by=self.actor)
            said = f"{form.new_owner.user.email}'s now" if form.new_owner else "the workspace's now"
        messages.success(self.request, f"{count} {'key is' if count == 1 else 'keys are'} {said}.")

    def form(self, *args: Any) -> TransferForm:
        """The form about the keys that the address names."""
        members = [membership for membership, _ in members_of(self.workspace)]
        is_listed = any(row.pk == self.membership.pk for row in members)
        return TransferForm(
            *args,
            keys=list(self.named_keys().select_related("owner__user").order_by("name", "pk")),
            members=members if is_listed else [*members, self.membership],
            places=self.other_places(),
        )

    def named_keys(self) -> Any:
        """The keys that this person may know of, narrowed as the address says."""
        keys = self.visible_keys()
        if self.asked("owner"):
            try:
                (owner,) = memberships_by_user(self.organization.pk, [self.asked("owner")])
            except UnknownMembers:
                return keys.none()
            return keys.filter(owner=owner)
        named = self.request.GET.getlist("key")
        return keys.filter(hash__in=[text for text in named if text.isalnum()]) if named else keys

    def other_places(self) -> list[Workspace]:
        """Where keys may go; only who administers the organization may put keys into another workspace."""
        if self.standing != Standing.ORGANIZATION_ADMIN:
            return []
        live = Workspace.objects.for_organization(self.organization).live()
        return list(live.exclude(pk=self.workspace.pk).order_by("-is_default", "name", "pk"))
