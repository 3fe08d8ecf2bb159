"""The steps of a private endpoint's life: validated, priced, activated, off and on again, deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from accounts.dashboard.forms import ConfirmForm
from config.lib.dashboard import INVALID_FORM
from routing import private_endpoints as private
from routing.dashboard.private_endpoint_forms import PriceForm, rates_in
from routing.dashboard.private_endpoints import EndpointPage
from routing.private_validation import validate
from workspaces.dashboard.pages import named_workspace


class ValidateEndpointView(EndpointPage):
    """`…/private-endpoints/{id}/validate`: a live call in a workspace's name."""

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Ask, and show what was found."""
        workspace = named_workspace(self.membership, request.POST.get("workspace", ""))
        if workspace is None:
            raise Http404
        try:
            found = validate(endpoint=self.endpoint, workspace=workspace, by=self.actor)
        except private.NotNow as refusal:
            messages.error(request, str(refusal))
            return self.to_endpoint(self.endpoint)
        self.endpoint.refresh_from_db()
        return self.shown(found)


class ActivateEndpointView(EndpointPage):
    """`…/private-endpoints/{id}/activate`."""

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Route requests to it."""
        try:
            private.activate(endpoint=self.endpoint, by=self.actor)
        except private.NotNow as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"Requests for {self.endpoint.model_slug} go to it now.")
        return self.to_endpoint(self.endpoint)


class SwitchEndpointView(EndpointPage):
    """`…/private-endpoints/{id}/disable` and `/enable`."""

    is_disabled = False

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Take it out of the routing, or back."""
        step = private.disable if self.is_disabled else private.enable
        try:
            step(endpoint=self.endpoint, by=self.actor)
        except private.NotNow as refusal:
            messages.error(request, str(refusal))
        else:
            said = "No request goes to it any more." if self.is_disabled else "Requests go to it again."
            messages.success(request, said)
        return self.to_endpoint(self.endpoint)


class PriceEndpointView(EndpointPage):
    """`…/private-endpoints/{id}/pricing`: the whole price, from now on."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The form with the present price."""
        return self._form_page(PriceForm.of(self.row.rates))

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Follow it with a new one."""
        form = PriceForm(request.POST)
        rates = rates_in(form) if form.is_valid() else None
        if rates is None or form.errors:
            return self._form_page(form, status=INVALID_FORM)
        private.set_pricing(endpoint=self.endpoint, rates=rates, by=self.actor)
        messages.success(request, "Requests are metered at the new price from now on.")
        return self.to_endpoint(self.endpoint)

    def _form_page(self, form: PriceForm, **options: Any) -> HttpResponse:
        return self.page("routing/private_endpoint_price.html", form=form, row=self.row, **options)


class DeleteEndpointView(EndpointPage):
    """`…/private-endpoints/{id}/delete`."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Say what will change, and ask for the model's name."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._form_page(form, status=INVALID_FORM)
        private.delete(endpoint=self.endpoint, by=self.actor)
        messages.success(request, f"{self.endpoint} is deleted.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.endpoint.model_slug, what="the model's slug")

    def _form_page(self, form: ConfirmForm, **options: Any) -> HttpResponse:
        page = "routing/private_endpoint_delete.html"
        return self.page(page, endpoint=self.endpoint, form=form, **options)
