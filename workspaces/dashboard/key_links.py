"""Links that an application makes from its key alone: to the key's page, and to the requests made with it."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User
from accounts.standing import memberships_of
from config.lib.dashboard import DashboardView
from config.lib.scoping import enter_tenant
from workspaces.key_secrets import addressed
from workspaces.members import standing_in
from workspaces.models import ApiKey
from workspaces.visible_keys import keys_visible_to


class KeyLinkView(DashboardView):
    """`/keys/{hash}`; whoever may not know of the key is told what he is told of one that does not exist."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Go to the key's page."""
        key = self.key(names["key"])
        organization, workspace = key.organization.slug, key.workspace.slug
        return redirect("dashboard:key", organization=organization, workspace=workspace, key=key.hash)

    def key(self, digest: str) -> ApiKey:
        """The key with this hash, now or formerly, if this person may know of it."""
        user = cast(User, self.request.user)
        memberships = {row.organization_id: row for row in memberships_of(user)}
        enter_tenant(*memberships)
        keys = ApiKey.objects.for_user(user).active().filter(workspace__deleted_at=None)
        key = addressed(keys.select_related("organization", "workspace"), digest)
        membership = memberships.get(key.organization_id) if key else None
        if key is None or membership is None:
            raise Http404
        standing = standing_in(key.workspace, user)
        if not keys_visible_to(membership, standing, key.workspace).filter(pk=key.pk).exists():
            raise Http404
        return key


class KeyLogsLinkView(KeyLinkView):
    """`/logs?api_key_hash=…`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Go to the organization's log, narrowed to the key."""
        key = self.key(self.asked("api_key_hash"))
        log = reverse("dashboard:logs", kwargs={"organization": key.organization.slug})
        return redirect(f"{log}?{urlencode({'key': key.hash})}")
