"""The page of a workspace's provider keys, and what all pages about them share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django_htmx.http import HttpResponseClientRedirect

from accounts.permissions import Permission, may
from accounts.standing import standing_of
from config.lib.byok_fee import MILLION
from config.lib.dashboard import is_part_wanted
from config.lib.environment import environment
from config.lib.subjects import organization_subject
from routing.dashboard.byok_rows import ProviderCard, card_of
from routing.models import ByokCredential
from routing.models.credential import ByokCredentialQuerySet
from routing.private_upstreams import names_of
from workspaces.dashboard.pages import WorkspaceView
from workspaces.spending import spent_on

PROVIDERS_PER_PAGE = 20


@dataclass(frozen=True)
class Allowance:
    """The fee on one's own keys, and what of this month is free of it."""

    percent: str
    free_nano: int
    used_nano: int

    @property
    def left_nano(self) -> int:
        """What is still free."""
        return max(self.free_nano - self.used_nano, 0)


class ByokPage(WorkspaceView):
    """What the pages of provider keys share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "byok"

    @property
    def may_change_everywhere(self) -> bool:
        """Whether keys of all workspaces are his to change."""
        return may(standing_of(self.membership), Permission.WORKSPACE_CONFIGURE)

    def usable(self) -> ByokCredentialQuerySet:
        """What may be used in the workspace, in the order in which it is tried."""
        live: ByokCredentialQuerySet = ByokCredential.objects.for_organization(self.organization).live()
        return live.usable_in(self.workspace).select_related("workspace", "organization").in_order()

    def cards(self, slugs: list[str]) -> list[ProviderCard]:
        """The cards of these providers; two queries."""
        rows = list(self.usable().filter(provider__in=slugs))
        names = names_of(slugs)
        return [
            card_of(
                slug,
                names[slug],
                [row for row in rows if row.provider == slug],
                may_change_everywhere=self.may_change_everywhere,
            )
            for slug in slugs
        ]

    def to_list(self) -> HttpResponse:
        """Go back to the list, out of a dialog too."""
        if is_part_wanted(self.request):
            return HttpResponseClientRedirect(self.address("byok"))
        return self.go_to("byok")


class ByokView(ByokPage):
    """`/o/{organization}/w/{workspace}/byok`."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The providers with their keys, and what the month has cost of the free allowance."""
        slugs = list(self.usable().order_by("provider").values_list("provider", flat=True).distinct())
        chosen = self.asked("provider")
        shown = [slug for slug in slugs if not chosen or slug == chosen]
        page = Paginator(shown, PROVIDERS_PER_PAGE).get_page(self.asked("page"))
        return self.page(
            "routing/byok.html",
            cards=self.cards(list(page)),
            page=page,
            providers=[(slug, slug) for slug in slugs],
            chosen=chosen,
            allowance=allowance_of(self.organization.pk),
        )


class CredentialPage(ByokPage):
    """A page about one key that may be used in the workspace."""

    credential: ByokCredential

    def enter(self) -> None:
        super().enter()
        found = self.usable().filter(public_id=self.kwargs["credential"]).first()
        if found is None:
            raise Http404
        if found.workspace_id is None and not self.may_change_everywhere:
            raise PermissionDenied("Keys of all workspaces are for the organization's administrators.")
        self.credential = found

    @property
    def name(self) -> str:
        """What the key is called."""
        return str(self.credential.name or self.credential.label)


def allowance_of(organization_id: int) -> Allowance:
    """What the organization's own keys cost here, and how much of this month's allowance they have used."""
    fee, place = environment().byok_fee, (organization_subject(organization_id), "m")
    _, used = spent_on(organization_id, [place])[place]
    percent = Decimal(fee.millionths) * 100 / MILLION
    return Allowance(format(percent.normalize(), "f"), fee.free_monthly_nano, used)
