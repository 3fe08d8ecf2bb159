"""The chat room: a page whose script talks to the gateway, and the tokens that it does so with (docs/chat.md).

It has a workspace of its own, kept in a cookie of the browser: the Default one until somebody chooses another here.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission, Standing, may
from accounts.sessions import number_of
from config.lib.chat_tokens import LONGEST_ORIGIN, SECONDS
from config.lib.environment import environment
from routing.models import Preset
from routing.plugin_services import operator_of
from routing.policy_parts.server_tools import disabled_tools_of
from routing.presets import presets_of
from workspaces.chat_room import NoSeat, token_for
from workspaces.dashboard.pages import named_workspace
from workspaces.members import standing_in, workspaces_of
from workspaces.models import Workspace

YEAR_SECONDS: Final = 365 * 24 * 3600
MOST_WORKSPACES: Final = 200
TOOLS: Final = ("web_search", "web_fetch", "datetime")
"""What the page offers to switch on; Fusion has a switch of its own."""


def gateway_origin() -> str:
    """Where the page finds the gateway; empty: where it came from."""
    parts = urlsplit(environment().chat_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


CONNECT: Final = {"connect-src": [gateway_origin()]} if gateway_origin() else {}


class ChatView(OrganizationView):
    """`/o/{organization}/chat`."""

    section = "chat"

    @method_decorator(csp_update(CONNECT))
    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The room, in the workspace that was chosen here last; in none where that and the Default one are gone."""
        mine = workspaces_of(self.membership)
        places = list(mine.order_by("-is_default", "name", "pk")[:MOST_WORKSPACES])
        chosen = named_workspace(self.membership, request.COOKIES.get(cookie_of(self.membership.pk), ""))
        if chosen is None:
            chosen = next((place for place in places if place.is_default), None)
        elif chosen not in places:
            places.append(chosen)
        return self.page(
            "routing/chat.html", places=places, chosen=chosen, room=json.dumps(self._room(chosen))
        )

    def _room(self, chosen: Workspace | None) -> dict[str, Any]:
        """What the script has to know."""
        here = {"organization": self.organization.slug}
        return {
            "member": self.membership.pk,
            "workspace": chosen.slug if chosen else "",
            "gateway": gateway_origin(),
            "token": reverse("dashboard:chat_token", kwargs=here),
            "logs": reverse("dashboard:logs", kwargs=here),
            "credits": reverse("dashboard:credits", kwargs=here)
            if self.may(Permission.ACCOUNT_MANAGE)
            else "",
        }


class ChatTokenView(OrganizationView):
    """`POST /o/{organization}/chat/token`: a token for one of the member's workspaces, and what can be chosen there.

    With `chosen` the workspace is the one that the room opens with from now on.
    """

    http_method_names = ["post"]  # as Django declares it

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """JSON; 404 for a workspace that is not his, 400 for a request that no page of ours has made."""
        workspace = named_workspace(self.membership, request.POST.get("workspace", ""))
        if workspace is None:
            raise Http404
        origin = request.headers.get("Origin", "")
        if not 0 < len(origin) <= LONGEST_ORIGIN or not origin.isascii():
            return JsonResponse({"error": "A page says where it comes from."}, status=400)
        try:
            token = token_for(
                membership=self.membership, workspace=workspace, session_id=number_of(request), origin=origin
            )
        except NoSeat:
            raise Http404 from None
        answer = JsonResponse({"token": token, "seconds": SECONDS, **self._offered(workspace)})
        if "chosen" in request.POST:
            self._remember(answer, workspace)
        return answer

    def _offered(self, workspace: Workspace) -> dict[str, Any]:
        standing = standing_in(workspace, self.user)
        presets = presets_of(workspace).filter(status=Preset.ACTIVE).order_by("name", "slug")
        disabled = disabled_tools_of(workspace)
        if not operator_of(environment()).search:
            disabled |= {"web_search"}
        return {
            "workspace": {"slug": workspace.slug, "name": workspace.name},
            "default_model": workspace.default_text_model or "",
            "presets": list(presets.values("slug", "name")[:MOST_WORKSPACES]),
            "tools": [slug for slug in TOOLS if slug not in disabled],
            "has_fusion": "fusion" not in disabled,
            "links": self._links(workspace, standing),
        }

    def _links(self, workspace: Workspace, standing: Standing) -> dict[str, str]:
        """Where what stands in a request's way is changed, for whoever may open that page."""
        here = {"organization": self.organization.slug, "workspace": workspace.slug}
        pages = {"guardrails": Permission.WORKSPACE_CONFIGURE, "workspace_settings": Permission.WORKSPACE_SEE}
        return {name: _address(name, here) for name, wanted in pages.items() if may(standing, wanted)}

    def _remember(self, answer: HttpResponse, workspace: Workspace) -> None:
        answer.set_cookie(
            cookie_of(self.membership.pk),
            workspace.slug,
            max_age=YEAR_SECONDS,
            path=reverse("dashboard:chat", kwargs={"organization": self.organization.slug}),
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
        )


def _address(name: str, here: dict[str, str]) -> str:
    try:
        return reverse(f"dashboard:{name}", kwargs=here)
    except NoReverseMatch:
        return ""


def cookie_of(membership_id: int) -> str:
    """The cookie that holds a member's choice: two people may share a browser."""
    return f"headgate_chat_{membership_id}"
