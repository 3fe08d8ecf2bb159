"""The addresses of the dashboard: an organization's under /o/, a workspace's below it."""

from django.urls import URLPattern, URLResolver, include, path

from accounts.dashboard.billing import BillingView, InvoicesView, InvoiceView, StatementView
from accounts.dashboard.credits import AddCreditsView, CreditsView, LedgerFileView
from observability.dashboard.logs import GenerationView, LogsView
from workspaces.dashboard.home import HomeView
from workspaces.dashboard.keys import DeleteKeyView, EditKeyView, KeysView, NewKeyView, SwitchKeyView
from workspaces.dashboard.places import OrganizationRootView, RootView, WorkspacesView

app_name = "dashboard"

workspace_urls: list[URLPattern | URLResolver] = [
    path("", HomeView.as_view(), name="home"),
    path("keys", KeysView.as_view(), name="keys"),
    path("keys/new", NewKeyView.as_view(), name="key_new"),
    path("keys/<slug:key>", EditKeyView.as_view(), name="key_edit"),
    path("keys/<slug:key>/disable", SwitchKeyView.as_view(is_disabled=True), name="key_disable"),
    path("keys/<slug:key>/enable", SwitchKeyView.as_view(is_disabled=False), name="key_enable"),
    path("keys/<slug:key>/delete", DeleteKeyView.as_view(), name="key_delete"),
]
organization_urls: list[URLPattern | URLResolver] = [
    path("", OrganizationRootView.as_view(), name="organization"),
    path("workspaces", WorkspacesView.as_view(), name="workspaces"),
    path("logs", LogsView.as_view(), name="logs"),
    path("logs/<slug:generation>", GenerationView.as_view(), name="generation"),
    path("credits", CreditsView.as_view(), name="credits"),
    path("credits/add", AddCreditsView.as_view(), name="credits_add"),
    path("credits/ledger.csv", LedgerFileView.as_view(), name="ledger_file"),
    path("credits/billing", BillingView.as_view(), name="billing"),
    path("credits/invoices", InvoicesView.as_view(), name="invoices"),
    path("credits/invoices/<str:number>", InvoiceView.as_view(), name="invoice"),
    path("credits/statements/<str:month>", StatementView.as_view(), name="statement"),
    path("w/<slug:workspace>/", include(workspace_urls)),
]
urlpatterns = [
    path("", RootView.as_view(), name="root"),
    path("o/<slug:organization>/", include(organization_urls)),
]
