"""The pages of a workspace's guardrails: the list, and ending one."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM, Order, order_asked
from routing import guardrail_settings
from routing.dashboard.guardrail_words import name_of, restrictions_of
from routing.guardrail_rows import GuardrailGone, find
from routing.guardrail_usage import Nearest, held_counts, nearest_to_budgets
from routing.models import Guardrail
from workspaces.dashboard.pages import WorkspaceView

PAGE_SIZE = 50
ORDERS = {"name": "name", "created": "created_at"}


@dataclass(frozen=True)
class Row:
    """A guardrail in the list: what it restricts in words, who is held to it, and who is nearest to its budget."""

    guardrail: Guardrail
    name: str
    restrictions: list[str]
    keys: int
    members: int
    nearest: Nearest | None


class GuardrailsPage(WorkspaceView):
    """What the pages of guardrails share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "guardrails"

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect(
            "dashboard:guardrails", organization=self.organization.slug, workspace=self.workspace.slug
        )

    def to_page(self, name: str, guardrail: Guardrail) -> HttpResponse:
        """Go to a page about a guardrail."""
        place = {"organization": self.organization.slug, "workspace": self.workspace.slug}
        return redirect(reverse(name, kwargs={**place, "guardrail": guardrail.public_id}))

    def default(self) -> Guardrail:
        """The workspace's default guardrail, written or not."""
        rows = Guardrail.objects.for_workspace(self.workspace).select_related("workspace")
        stored: Guardrail | None = rows.filter(is_default=True).first()
        return stored or Guardrail.default_of(self.workspace)


class GuardrailsView(GuardrailsPage):
    """`/o/{organization}/w/{workspace}/guardrails`."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The default one, then the others."""
        sought, order = self.asked("q"), order_asked(self.asked("sort"), ORDERS, default="name")
        page = Paginator(self._others(sought, order), PAGE_SIZE).get_page(self.asked("page"))
        default, others = self.default(), list(page.object_list)
        counts = held_counts(self.organization.pk, others)
        nearest = nearest_to_budgets(self.organization.pk, [default, *others])

        def row(guardrail: Guardrail) -> Row:
            keys, members = counts.get(guardrail.pk, (0, 0))
            words = restrictions_of(guardrail)
            return Row(guardrail, name_of(guardrail), words, keys, members, nearest.get(guardrail.pk))

        return self.page(
            "routing/guardrails.html",
            default=row(default),
            rows=[row(one) for one in others],
            page=page,
            order=order,
            sought=sought,
        )

    def _others(self, sought: str, order: Order) -> QuerySet[Guardrail]:
        rows = Guardrail.objects.for_workspace(self.workspace).filter(is_default=False)
        if sought:
            rows = rows.filter(name__icontains=sought)
        return rows.order_by(order.prefix + ORDERS[order.name], "pk")


class GuardrailPage(GuardrailsPage):
    """A page about one guardrail of the workspace; its default one is there before it is written."""

    guardrail: Guardrail

    def enter(self) -> None:
        super().enter()
        found = find(self.organization, self.kwargs["guardrail"])
        if found is None or found.workspace_id != self.workspace.pk:
            raise Http404
        self.guardrail = found


class DeleteGuardrailView(GuardrailPage):
    """`…/guardrails/{id}/delete`; a default one restricts nothing from then on."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Say who is no longer held to it, and ask for the name."""
        return self._page(self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, status=INVALID_FORM)
        try:
            guardrail_settings.delete(guardrail=self.guardrail, by=self.actor)
        except GuardrailGone as gone:
            raise Http404 from gone
        name = name_of(self.guardrail)
        ended = "restricts nothing any more" if self.guardrail.is_default else "is deleted"
        messages.success(request, f"“{name}” {ended}.")
        return self.to_list()

    def _form(self, *args: object) -> ConfirmForm:
        return ConfirmForm(*args, expected=name_of(self.guardrail), what="the guardrail's name")

    def _page(self, form: ConfirmForm, *, status: int = 200) -> HttpResponse:
        keys, members = held_counts(self.organization.pk, [self.guardrail]).get(self.guardrail.pk, (0, 0))
        return self.page(
            "routing/guardrail_delete.html",
            guardrail=self.guardrail,
            name=name_of(self.guardrail),
            keys=keys,
            members=members,
            form=form,
            status=status,
        )
