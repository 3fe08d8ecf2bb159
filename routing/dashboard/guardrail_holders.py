"""The pages on which keys and members are held to a guardrail, and released from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import Membership
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from routing import guardrail_assignments
from routing.dashboard.guardrail_words import name_of
from routing.dashboard.guardrails import GuardrailPage
from routing.guardrail_assignments import UnknownKeys
from routing.guardrail_rows import GuardrailGone
from routing.models import KeyAssignment, MemberAssignment
from workspaces.bulk_members import UnknownMembers, memberships_by_user
from workspaces.models import ApiKey

PAGE_SIZE, OFFERED = 50, 20
NOTHING_CHOSEN = "Choose at least one."


@dataclass(frozen=True)
class Offered:
    """A key or member who can be held, and the guardrail that he would leave for it."""

    holder: Any  # an ApiKey or a Membership
    leaves: str


class HoldersPage(GuardrailPage):
    """Who is held to the guardrail, who could be, and the two buttons."""

    kind: ClassVar[str]
    """`keys` or `members`."""
    one: ClassVar[str]

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Those held, and those that a search finds."""
        return self.drawn()

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Hold those that were chosen, or release them; all or none."""
        chosen, is_releasing = request.POST.getlist("who"), request.POST.get("action") == "release"
        if not chosen:
            return self.drawn(error=NOTHING_CHOSEN)
        try:
            count = self.release(chosen) if is_releasing else self.hold(chosen)
        except (UnknownKeys, UnknownMembers):
            return self.drawn(error="Somebody among them is not there any more. Choose again.")
        except GuardrailGone as gone:
            raise Http404 from gone
        whom = f"1 {self.one} is" if count == 1 else f"{count} {self.one}s are"
        done = "released from" if is_releasing else "held to"
        messages.success(request, f"{whom} {done} “{name_of(self.guardrail)}” now.")
        return self.to_page(f"dashboard:guardrail_{self.kind}", self.guardrail)

    def drawn(self, *, error: str = "") -> HttpResponse:
        """The page."""
        sought = self.asked("q")
        page = Paginator(self.held(), PAGE_SIZE).get_page(self.asked("page"))
        offered = list(self.candidates(sought)[: OFFERED + 1])
        elsewhere = self.elsewhere(offered)
        return self.page(
            "routing/guardrail_holders.html",
            guardrail=self.guardrail,
            name=name_of(self.guardrail),
            kind=self.kind,
            one=self.one,
            page=page,
            offered=[Offered(row, elsewhere.get(row.pk, "")) for row in offered[:OFFERED]],
            has_more=len(offered) > OFFERED,
            sought=sought,
            error=error,
            may_hold_members=self.may(Permission.ACCOUNT_MANAGE),
            status=INVALID_FORM if error else 200,
        )

    def held(self) -> QuerySet[Any]:
        """The assignments to this guardrail."""
        raise NotImplementedError

    def candidates(self, sought: str) -> QuerySet[Any]:
        """Who is not held to this guardrail."""
        raise NotImplementedError

    def elsewhere(self, offered: Sequence[Any]) -> dict[int, str]:
        """Which other guardrails the offered are held to, by their keys: holding them here ends that."""
        raise NotImplementedError

    def hold(self, chosen: list[str]) -> int:
        """How many were held. Raises what the domain raises."""
        raise NotImplementedError

    def release(self, chosen: list[str]) -> int:
        """How many were released. Raises what the domain raises."""
        raise NotImplementedError


class GuardrailKeysView(HoldersPage):
    """`…/guardrails/{id}/keys`: who administers the organization may hold keys of any workspace."""

    kind, one = "keys", "key"

    def held(self) -> QuerySet[Any]:
        rows = KeyAssignment.objects.for_organization(self.organization).filter(
            guardrail_id=self.guardrail.pk, api_key__in=self._keys()
        )
        return rows.select_related("api_key__workspace", "assigned_by").order_by("-created_at", "-pk")

    def candidates(self, sought: str) -> QuerySet[Any]:
        held = KeyAssignment.objects.for_organization(self.organization).filter(
            guardrail_id=self.guardrail.pk
        )
        rows = self._keys().named_like(sought).exclude(pk__in=held.values("api_key"))
        return rows.select_related("workspace").order_by("name", "pk")

    def elsewhere(self, offered: Sequence[Any]) -> dict[int, str]:
        rows = KeyAssignment.objects.for_organization(self.organization).filter(api_key__in=offered)
        return dict(rows.values_list("api_key_id", "guardrail__name"))

    def hold(self, chosen: list[str]) -> int:
        keys = self._chosen(chosen)
        return guardrail_assignments.assign_keys(guardrail=self.guardrail, keys=keys, by=self.actor)

    def release(self, chosen: list[str]) -> int:
        keys = self._chosen(chosen)
        return guardrail_assignments.unassign_keys(guardrail=self.guardrail, keys=keys, by=self.actor)

    def _keys(self) -> Any:  # a queryset
        if self.may(Permission.ACCOUNT_MANAGE):
            return ApiKey.objects.for_organization(self.organization).active()
        return ApiKey.objects.for_workspace(self.workspace).active()

    def _chosen(self, hashes: list[str]) -> list[ApiKey]:
        """The keys with these hashes. Raises UnknownKeys."""
        wanted = {text for text in hashes if text.isalnum()}
        found = list(self._keys().filter(hash__in=wanted))
        if len(found) < len(set(hashes)):
            raise UnknownKeys([])
        return found


class GuardrailMembersView(HoldersPage):
    """`…/guardrails/{id}/members`: it follows them into every workspace, so it is for the organization to say."""

    kind, one = "members", "member"

    def enter(self) -> None:
        super().enter()
        self.require(Permission.ACCOUNT_MANAGE)

    def held(self) -> QuerySet[Any]:
        rows = MemberAssignment.objects.for_organization(self.organization)
        rows = rows.filter(guardrail_id=self.guardrail.pk).select_related("membership__user", "assigned_by")
        return rows.order_by("-created_at", "-pk")

    def candidates(self, sought: str) -> QuerySet[Any]:
        held = MemberAssignment.objects.for_organization(self.organization)
        rows = Membership.objects.for_organization(self.organization).live().select_related("user")
        if sought:
            rows = rows.filter(Q(user__email__icontains=sought) | Q(user__name__icontains=sought))
        here = held.filter(guardrail_id=self.guardrail.pk).values("membership")
        return rows.exclude(pk__in=here).order_by("user__email", "pk")

    def elsewhere(self, offered: Sequence[Any]) -> dict[int, str]:
        rows = MemberAssignment.objects.for_organization(self.organization)
        return dict(rows.filter(membership__in=offered).values_list("membership_id", "guardrail__name"))

    def hold(self, chosen: list[str]) -> int:
        members = memberships_by_user(self.organization.pk, chosen)
        return guardrail_assignments.assign_members(
            guardrail=self.guardrail, memberships=members, by=self.actor
        )

    def release(self, chosen: list[str]) -> int:
        members = memberships_by_user(self.organization.pk, chosen)
        return guardrail_assignments.unassign_members(
            guardrail=self.guardrail, memberships=members, by=self.actor
        )
