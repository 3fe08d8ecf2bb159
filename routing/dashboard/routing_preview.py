"""What a request without preferences would get now: the pure decision, on what the database knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from routing import explanations
from routing.dashboard.routing import RoutingPage
from routing.explaining.matter import Asked
from workspaces.dashboard.snippets import example_model
from workspaces.models import ApiKey

SEED = 1
"""Of the weighted draw: the same question gets the same answer."""
GREETING = "Say hello in one sentence."
LONGEST_MODEL = 200
MOST_SHOWN = 10


@dataclass(frozen=True)
class Stop:
    """An endpoint that would be asked."""

    provider: str
    endpoint: str
    model: str
    is_byok: bool
    is_private: bool
    most_nano: int


class RoutingPreviewView(RoutingPage):
    """`…/routing/preview?model=…`: a part of the page, or a page of its own."""

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """Where such a request would go, or why it would be refused."""
        model = self.asked("model")[:LONGEST_MODEL] or example_model(self.workspace)
        key = self._key()
        found = {} if key is None else _told(key, model)
        return self.page("routing/routing_preview.html", model=model, key=key, **found)

    def _key(self) -> ApiKey | None:
        """A key of the workspace that no filter of members narrows, if there is one."""
        keys = ApiKey.objects.for_workspace(self.workspace).active().filter(is_disabled=False)
        found: ApiKey | None = keys.order_by("owner_id", "pk").last()
        return None if found is None else explanations.key_of(self.organization.pk, found.pk)


def _told(key: ApiKey, model: str) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": GREETING}]}
    asked = Asked("chat", json.dumps(body).encode(), {})
    decision = explanations.explain(key=key, asked=asked, seed=SEED).decision
    stops = [
        Stop(
            provider=one.endpoint.provider.name,
            endpoint=one.endpoint.tag,
            model=one.endpoint.model,
            is_byok=one.is_byok,
            is_private=one.endpoint.is_private,
            most_nano=one.estimate_nano,
        )
        for one in decision.attempts
    ]
    return {
        "refusal": decision.refusal,
        "stops": stops[:MOST_SHOWN],
        "more": max(len(stops) - MOST_SHOWN, 0),
        "dropped": len(decision.dropped),
    }
