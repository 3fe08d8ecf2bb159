"""The management API: everything under /api/v1 that the gateway does not serve itself.

Addresses work with a slash at the end too, because the contract's own examples have one.
"""

from __future__ import annotations

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.api.credits import CreditsView, InvoicesView, LedgerFileView, LedgerView, OneInvoiceView
from accounts.api.documentation import DocumentationView, OpenAPIView
from config.lib.api_errors import as_response, not_found
from observability.api.generations import GenerationView
from workspaces.api.budgets import BudgetsView, BudgetView
from workspaces.api.current_key import CurrentKeyView
from workspaces.api.keys import KeysView, OneKeyView
from workspaces.api.members import AddMembersView, MembersView, RemoveMembersView
from workspaces.api.workspaces import OneWorkspaceView, WorkspacesView

ROUTES: dict[str, type[View]] = {
    "credits": CreditsView,
    "credits/invoices": InvoicesView,
    "credits/invoices/<str:number>": OneInvoiceView,
    "credits/ledger": LedgerView,
    "credits/ledger.csv": LedgerFileView,
    "generation": GenerationView,
    "key": CurrentKeyView,
    "keys": KeysView,
    "keys/<str:hash>": OneKeyView,
    "workspaces": WorkspacesView,
    "workspaces/<str:id>": OneWorkspaceView,
    "workspaces/<str:id>/budgets": BudgetsView,
    "workspaces/<str:id>/budgets/<str:interval>": BudgetView,
    "workspaces/<str:id>/members": MembersView,
    "workspaces/<str:id>/members/add": AddMembersView,
    "workspaces/<str:id>/members/remove": RemoveMembersView,
}


@csrf_exempt
@non_atomic_requests
def unknown(request: HttpRequest) -> HttpResponse:
    """What is not offered: the documented envelope, whoever asks."""
    return as_response(not_found())


def both(address: str, view: type[View]) -> list[URLPattern]:
    """An address without and with a slash at its end."""
    return [path(address + end, view.as_view()) for end in ("", "/")]


urlpatterns = [
    # Without a transaction: they hold no data, and answer while the database is away.
    path("openapi.json", non_atomic_requests(OpenAPIView.as_view()), name="openapi"),
    path("docs", non_atomic_requests(DocumentationView.as_view()), name="api-docs"),
    *(pattern for address, view in ROUTES.items() for pattern in both(address, view)),
    re_path("", unknown),
]
