"""The pages of an organization's own upstreams: the list, a new one, and one with what is to be done next."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM, is_part_wanted, order_asked
from config.lib.environment import environment
from routing import private_endpoints as private
from routing.api.private_endpoint_shapes import Described, described
from routing.credential_formats import UnusableCredential
from routing.dashboard.byok_new import providers_to_choose
from routing.dashboard.private_endpoint_forms import NewEndpointForm, UpstreamForm, rates_in
from routing.dashboard.trial_words import NAMES, fault_text
from routing.models import PrivateEndpoint
from routing.models.private_endpoint import STATUSES, PrivateEndpointQuerySet
from routing.private_upstreams import UnknownProvider, UnusableUpstream
from routing.private_validation import Validation
from workspaces.members import workspaces_of

PAGE_SIZE = 25
MOST_WORKSPACES = 200
REFUSALS = (
    private.UnknownModel,
    private.UnusableEndpoint,
    private.NotNow,
    UnknownProvider,
    UnusableUpstream,
    UnusableCredential,
)
SORTS = {"model": "model_slug", "provider": "provider", "created": "created_at"}
TONES = {"draft": "care", "active": "good", "disabled": "quiet"}


class EndpointsPage(OrganizationView):
    """What the pages share."""

    permission = Permission.ACCOUNT_MANAGE
    section = "private_endpoints"

    def endpoints(self) -> PrivateEndpointQuerySet:
        """Those that were not deleted."""
        live: PrivateEndpointQuerySet = PrivateEndpoint.objects.for_organization(self.organization).live()
        return live.select_related("organization")

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return self.to(reverse("dashboard:private_endpoints", args=[self.organization.slug]))

    def to_endpoint(self, endpoint: PrivateEndpoint) -> HttpResponse:
        """Go to the endpoint's page."""
        place = [self.organization.slug, endpoint.public_id]
        return self.to(reverse("dashboard:private_endpoint", args=place))

    def to(self, address: str) -> HttpResponse:
        """Go there, out of a dialog too."""
        return HttpResponseClientRedirect(address) if is_part_wanted(self.request) else redirect(address)


class PrivateEndpointsView(EndpointsPage):
    """`/o/{organization}/private-endpoints`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The endpoints, the newest first unless asked otherwise."""
        order = order_asked(self.asked("sort"), SORTS.keys(), default="-created")
        sought, status = self.asked("q"), self.asked("status")
        rows = self.endpoints().order_by(f"{order.prefix}{SORTS[order.name]}", "pk")
        if sought:
            rows = rows.filter(
                Q(model_slug__icontains=sought)
                | Q(provider__icontains=sought)
                | Q(upstream_model__icontains=sought)
            )
        if status in STATUSES:
            rows = rows.filter(status=status)
        page = Paginator(rows, PAGE_SIZE).get_page(self.asked("page"))
        return self.page(
            "routing/private_endpoints.html",
            rows=[(row, TONES[row.endpoint.status]) for row in described(self.organization.pk, page)],
            page=page,
            order=order,
            sought=sought,
            chosen_status=status,
            statuses=[(slug, slug.capitalize()) for slug in STATUSES],
            is_narrowed=bool(sought or status),
        )


class NewEndpointView(EndpointsPage):
    """`…/private-endpoints/new`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The empty form."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Draft it."""
        form = self._form(request.POST)
        if form.is_valid():
            rates = rates_in(form)
            try:
                if form.is_valid():
                    return self._made(form, rates)
            except REFUSALS as refusal:
                form.refuse(refusal)
        return self._form_page(form, status=INVALID_FORM)

    def _made(self, form: NewEndpointForm, rates: Any) -> HttpResponse:
        endpoint = private.create(
            organization=self.organization,
            by=self.actor,
            provider=form.cleaned_data["provider"],
            model=form.cleaned_data["model_slug"],
            wire_format=form.cleaned_data["wire_format"] or None,
            secret=form.typed_secret or "",
            rates=rates,
            **form.settings(),
        )
        messages.success(self.request, "The draft is saved. Validate it, then activate it.")
        return self.to_endpoint(endpoint)

    def _form(self, *args: Any) -> NewEndpointForm:
        known = providers_to_choose()
        groups = [("In the catalog", known["listed"]), ("Others", known["others"])]
        return NewEndpointForm(*args, providers=groups)

    def _form_page(self, form: NewEndpointForm, **options: Any) -> HttpResponse:
        return self.page(
            "routing/private_endpoint_new.html",
            form=form,
            are_ranges_open=bool(environment().outbound_allow),
            **options,
        )


class EndpointPage(EndpointsPage):
    """A page about one endpoint."""

    endpoint: PrivateEndpoint

    def enter(self) -> None:
        super().enter()
        found = self.endpoints().filter(public_id=self.kwargs["endpoint"]).first()
        if found is None:
            raise Http404
        self.endpoint = found

    @property
    def row(self) -> Described:
        """The endpoint with the names of its model and provider, and its price."""
        (row,) = described(self.organization.pk, [self.endpoint])
        return row

    def shown(self, validation: Validation | None = None) -> HttpResponse:
        """The endpoint's page, with what a validation found."""
        workspaces = workspaces_of(self.membership).order_by("-is_default", "name", "pk")[:MOST_WORKSPACES]
        return self.page(
            "routing/private_endpoint.html",
            row=self.row,
            tone=TONES[self.endpoint.status],
            workspaces=[(one.slug, one.name) for one in workspaces],
            chosen=self.request.POST.get("workspace", ""),
            **checks_told(validation),
        )


class EndpointView(EndpointPage):
    """`…/private-endpoints/{id}`."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """What it is, and what is to be done next."""
        return self.shown()


class EditEndpointView(EndpointPage):
    """`…/private-endpoints/{id}/edit`: a draft's upstream."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The form as the draft is."""
        return self._form_page(UpstreamForm.of(self.endpoint))

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Change it; it has to be validated again then."""
        form = UpstreamForm(request.POST)
        if form.is_valid():
            try:
                private.change(
                    endpoint=self.endpoint, by=self.actor, secret=form.typed_secret, **self._changed(form)
                )
            except REFUSALS as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, "Saved. The draft has to be validated again.")
                return self.to_endpoint(self.endpoint)
        return self._form_page(form, status=INVALID_FORM)

    def _changed(self, form: UpstreamForm) -> dict[str, Any]:
        """What differs: what was declared is sent only if somebody declared it anew."""
        return {
            name: value for name, value in form.settings().items() if getattr(self.endpoint, name) != value
        }

    def _form_page(self, form: UpstreamForm, **options: Any) -> HttpResponse:
        return self.page("routing/private_endpoint_edit.html", form=form, row=self.row, **options)


def checks_told(validation: Validation | None) -> dict[str, Any]:
    """What a validation found, for people; nothing where there was none."""
    checks = () if validation is None else validation.checks
    told = [(NAMES[check.name], check.passed, "" if check.passed else fault_text(check)) for check in checks]
    return {"validation": validation, "checks": told}
