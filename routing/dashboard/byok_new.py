"""The pages that take a provider's key: a new one, and one in the place of another."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from config.lib.dashboard import INVALID_FORM
from routing import byok
from routing.byok_providers import CONTRACT, is_provider
from routing.credential_formats import UndeclarableRegion, UnusableCredential
from routing.credential_ways import Way, ways_for
from routing.dashboard.byok import ByokPage, CredentialPage
from routing.dashboard.byok_forms import NewCredentialForm, WayForm
from routing.models import Provider
from routing.private_upstreams import names_of


class NewCredentialView(ByokPage):
    """`…/byok/new`: first which provider, then its own form (`?provider=azure&way=deployment`)."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The providers, or the empty form of the one that was chosen."""
        if not self.asked("provider"):
            return self.page("routing/byok_provider.html", providers=providers_to_choose())
        return self._form_page(self._form())

    def post(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """Add the key; it is sealed, and in no answer."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                made = byok.create(
                    organization=self.organization,
                    workspace=None if form.is_everywhere else self.workspace,
                    provider=self.provider,
                    secret=form.secret(),
                    by=self.actor,
                    **form.settings(),
                )
            except UnusableCredential as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, f"“{made.name or made.label}” is added, and used from now on.")
                return self.to_list()
        return self._form_page(form, status=INVALID_FORM)

    @property
    def provider(self) -> str:
        """The provider that was chosen; there is a form for it."""
        slug = self.asked("provider")
        if not is_provider(slug):
            raise Http404
        return slug

    def _form(self, *args: Any) -> NewCredentialForm:
        way = way_asked(self.provider, self.asked("way"))
        return NewCredentialForm(*args, way=way, may_be_everywhere=self.may_change_everywhere)

    def _form_page(self, form: NewCredentialForm, **options: Any) -> HttpResponse:
        return self.page(
            "routing/byok_new.html",
            form=form,
            provider=self.provider,
            provider_name=names_of([self.provider])[self.provider],
            ways=ways_for(self.provider),
            **options,
        )


class RotateCredentialView(CredentialPage):
    """`…/byok/{id}/rotate`: another secret in the place of the present one."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The provider's empty form."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Replace the secret; the former one is gone."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                byok.change(credential=self.credential, secret=form.secret(), by=self.actor)
            except (UnusableCredential, UndeclarableRegion) as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, f"“{self.name}” has a new key; the former one is wiped here.")
                return self.to_list()
        return self._form_page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> WayForm:
        return WayForm(*args, way=way_asked(self.credential.provider, self.asked("way")))

    def _form_page(self, form: WayForm, **options: Any) -> HttpResponse:
        ways = ways_for(self.credential.provider)
        return self.page(
            "routing/byok_rotate.html",
            credential=self.credential,
            name=self.name,
            form=form,
            ways=ways,
            **options,
        )


def way_asked(provider: str, slug: str) -> Way:
    """The way with this slug, else the usual one."""
    ways = ways_for(provider)
    return next((way for way in ways if way.slug == slug), ways[0])


def providers_to_choose() -> dict[str, list[tuple[str, str]]]:
    """The providers of this installation's catalog, and all others; one query."""
    listed = dict(
        Provider.objects.filter(is_simulator=False).order_by("name", "slug").values_list("slug", "name")
    )
    others = [(slug, slug.replace("-", " ").title()) for slug in sorted(CONTRACT - listed.keys())]
    return {"listed": list(listed.items()), "others": others}
