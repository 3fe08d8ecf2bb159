"""The members of a workspace: who is in it and as what, adding somebody, and taking somebody out with his keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import Membership
from accounts.models.membership import MembershipQuerySet
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM, order_asked
from workspaces import key_transfer, members
from workspaces.api_keys import OwnerNotInWorkspace
from workspaces.bulk_members import UnknownMembers, add_all, memberships_by_user
from workspaces.dashboard.pages import WorkspaceView
from workspaces.models import ApiKey

PAGE_SIZE = 50
MOST_OFFERED = 200
KEYS_NAMED = 10
ORDERS = {"name": ("user__name", "user__email"), "since": ("seated_at",)}
WORKSPACE, DELETE = "workspace", "delete"


@dataclass(frozen=True)
class Seat:
    """A member as the list shows him; `key_count` is None where that is not the reader's business."""

    membership: Membership
    role: str
    key_count: int | None


class AddMembersForm(forms.Form):
    """Whom to add."""

    members = forms.MultipleChoiceField(
        label="Members of the organization", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, candidates: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(row.user.public_id, _called(row)) for row in candidates]
        self.fields["members"].choices = choices  # type: ignore[attr-defined]  # a field of choices


class RemoveMemberForm(forms.Form):
    """What becomes of the keys of somebody who is taken out."""

    keys = forms.ChoiceField(label="What becomes of the keys", widget=forms.RadioSelect, initial=WORKSPACE)

    def __init__(self, *args: Any, heirs: list[Membership], has_keys: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heirs = {row.user.public_id: row for row in heirs}
        self.fields["keys"].choices = [  # type: ignore[attr-defined]  # a field of choices
            (WORKSPACE, "The workspace keeps them, and they work on"),
            *((user, f"They become {_called(row)}’s, and work on") for user, row in self._heirs.items()),
            (DELETE, "They are deleted, and refused from now on"),
        ]
        if not has_keys:
            del self.fields["keys"]

    def fate(self) -> dict[str, Any]:
        """As the domain wants it."""
        chosen = self.cleaned_data.get("keys", WORKSPACE)
        return {"new_owner": self._heirs.get(chosen), "is_deleting": chosen == DELETE}


class WorkspaceMembersPage(WorkspaceView):
    """What the pages of members share."""

    permission = Permission.WORKSPACE_MANAGE
    section = "workspace_members"

    def candidates(self, sought: str = "") -> MembershipQuerySet:
        """Who could be added, by name."""
        return _called_like(members.candidates_for(self.workspace), sought).order_by(
            "user__name", "user__email", "pk"
        )


class WorkspaceMembersView(WorkspaceMembersPage):
    """`/o/{organization}/w/{workspace}/members`."""

    permission = Permission.WORKSPACE_SEE

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Those whose name or address contains `q`."""
        sought, order = self.asked("q"), order_asked(self.asked("sort"), ORDERS, "name")
        columns = [f"{order.prefix}{name}" for name in (*ORDERS[order.name], "pk")]
        rows = _called_like(members.seats_of(self.workspace), sought).order_by(*columns)
        page = Paginator(rows, PAGE_SIZE).get_page(self.asked("page"))
        return self.page(
            "workspaces/workspace_members.html",
            seats=self._seats(list(page)),
            pages=page,
            order=order,
            sought=sought,
            may_manage=self.may(Permission.WORKSPACE_MANAGE),
        )

    def _seats(self, rows: list[Membership]) -> list[Seat]:
        counts: dict[int, int] | None = None
        if self.may(Permission.OTHERS_KEYS):
            keys = ApiKey.objects.for_workspace(self.workspace).active().filter(owner__in=rows)
            counted = keys.order_by("owner").values_list("owner").annotate(count=Count("pk"))
            counts = dict(counted)
        return [Seat(row, _role_of(row), None if counts is None else counts.get(row.pk, 0)) for row in rows]


class AddWorkspaceMembersView(WorkspaceMembersPage):
    """`…/members/add`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Who could be added."""
        return self._page(self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Add all that were chosen, or none."""
        form = self._form(request.POST)
        if form.is_valid():
            chosen = form.cleaned_data["members"]
            try:
                named = memberships_by_user(self.organization.pk, chosen)
                add_all(workspace=self.workspace, memberships=named, by=self.actor)
            except (UnknownMembers, members.DefaultWorkspace, members.NotInOrganization) as refusal:
                form.add_error(None, str(refusal))
            else:
                said = "member is" if len(chosen) == 1 else "members are"
                messages.success(request, f"{len(chosen)} {said} in {self.workspace.name} now.")
                return self.go_to("workspace_members")
        return self._page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> AddMembersForm:
        return AddMembersForm(*args, candidates=list(self.candidates(self.asked("q"))[:MOST_OFFERED]))

    def _page(self, form: AddMembersForm, status: int = 200) -> HttpResponse:
        offered = len(form.fields["members"].choices)  # type: ignore[attr-defined]  # a field of choices
        return self.page(
            "workspaces/workspace_members_add.html",
            form=form,
            sought=self.asked("q"),
            is_searchable=offered >= MOST_OFFERED or bool(self.asked("q")),
            status=status,
        )


class RemoveWorkspaceMemberView(WorkspaceMembersPage):
    """`…/members/user_{number}/remove`."""

    seat: Membership

    def enter(self) -> None:
        super().enter()
        listed = members.seats_of(self.workspace) if not self.workspace.is_default else None
        named = f"user_{self.kwargs['user']}"
        try:
            (membership,) = memberships_by_user(self.organization.pk, [named])
        except UnknownMembers as error:
            raise Http404 from error
        if listed is None or not listed.filter(pk=membership.pk).exists():
            raise Http404
        self.seat = membership

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Say what ends with it, and ask what becomes of his keys."""
        return self._page(self._keys())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Take him out, keys and all."""
        keys = self._keys()
        form = self._form(keys, request.POST)
        if form.is_valid():
            try:
                key_transfer.let_go(
                    workspace=self.workspace, membership=self.seat, by=self.actor, **form.fate()
                )
            except (members.DefaultWorkspace, OwnerNotInWorkspace) as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"{_called(self.seat)} is no longer in {self.workspace.name}.")
                return self.go_to("workspace_members")
        return self._page(keys, form, status=INVALID_FORM)

    def _keys(self) -> list[ApiKey]:
        keys = ApiKey.objects.for_workspace(self.workspace).active().filter(owner=self.seat)
        return list(keys.order_by("name", "pk"))

    def _form(self, keys: list[ApiKey], *args: Any) -> RemoveMemberForm:
        heirs = [self.membership] if self.membership.pk != self.seat.pk else []
        return RemoveMemberForm(*args, heirs=heirs, has_keys=bool(keys))

    def _page(
        self, keys: list[ApiKey], form: RemoveMemberForm | None = None, status: int = 200
    ) -> HttpResponse:
        return self.page(
            "workspaces/workspace_member_remove.html",
            seat=self.seat,
            keys=keys[:KEYS_NAMED],
            key_count=len(keys),
            form=form or self._form(keys),
            status=status,
        )


def _called_like(rows: MembershipQuerySet, text: str) -> MembershipQuerySet:
    like = Q(user__name__icontains=text) | Q(user__email__icontains=text)
    return rows.filter(like) if text else rows


def _called(membership: Membership) -> str:
    return membership.user.name or membership.user.email


def _role_of(row: Any) -> str:  # a membership as seats_of annotates it
    return str(row.seat_role or row.role)
