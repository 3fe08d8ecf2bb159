"""The page of how a workspace's requests are routed when they do not say."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.declared import NotValid
from routing import plugin_settings, routing_defaults
from routing.dashboard.routing_forms import AUTO_ROUTER, RoutingForm
from routing.models import LanguageModel, Provider, RoutingDefaults
from workspaces.dashboard.pages import WorkspaceView

MOST_SUGGESTED = 500


class RoutingPage(WorkspaceView):
    """What the pages share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "routing"


class RoutingView(RoutingPage):
    """`/o/{organization}/w/{workspace}/routing`."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The form as things are."""
        return self._form_page()

    def post(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """Change it, all or none."""
        form = self._form(self._defaults(), request.POST)
        if form.is_valid():
            try:
                self._change(form)
            except NotValid as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, "Saved. Requests that say nothing are routed like this now.")
                return redirect(
                    "dashboard:routing", organization=self.organization.slug, workspace=self.workspace.slug
                )
        return self._form_page(form, status=INVALID_FORM)

    @transaction.atomic
    def _change(self, form: RoutingForm) -> None:
        columns = routing_defaults.read_provider(form.provider()) | form.columns()
        routing_defaults.change(workspace=self.workspace, by=self.actor, **columns)
        router = form.router_change()
        if router is not None:
            plugin_settings.change(workspace=self.workspace, plugin=AUTO_ROUTER, by=self.actor, **router)

    def _defaults(self) -> RoutingDefaults:
        return routing_defaults.defaults_of(self.workspace)

    def _form(self, defaults: RoutingDefaults, *args: Any) -> RoutingForm:
        router = plugin_settings.setting_of(self.workspace, AUTO_ROUTER)
        return RoutingForm(*args, defaults=defaults, router=router)

    def _form_page(self, form: RoutingForm | None = None, **options: Any) -> HttpResponse:
        defaults = self._defaults()
        models = LanguageModel.objects.filter(is_enabled=True).order_by("slug")
        providers = Provider.objects.filter(is_enabled=True).order_by("slug")
        return self.page(
            "routing/routing.html",
            form=form or self._form(defaults),
            defaults=defaults,
            models=list(models.values_list("slug", flat=True)[:MOST_SUGGESTED]),
            providers=list(providers.values_list("slug", flat=True)),
            **options,
        )
