"""The management API: everything under /api/v1 that the gateway does not serve itself.

Addresses work with a slash at the end too, because the contract's own examples have one.
"""

from __future__ import annotations

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.api.audit_log import AuditLogView
from accounts.api.credits import CreditsView, InvoicesView, LedgerFileView, LedgerView, OneInvoiceView
from accounts.api.documentation import DocumentationView, OpenAPIView
from accounts.api.invitations import InvitationsView, OneInvitationView, ResendInvitationView
from accounts.api.management_keys import ManagementKeysView, OneManagementKeyView
from accounts.api.members import OneOrganizationMemberView, OrganizationMembersView
from accounts.api.notification_channels import (
    ChannelsView,
    DisableChannelView,
    EnableChannelView,
    OneChannelView,
    TestChannelView,
)
from accounts.api.notifications import NotificationsView, OneRuleView, RulesView
from accounts.api.organization_settings import OrganizationSettingsView
from accounts.api.privacy import PrivacyView
from accounts.api.revisions import OneRevisionView, RestoreView, RevisionDiffView, RevisionsView
from config.lib.api_errors import as_response, not_found
from config.urls import not_offered
from observability.api.activity import ActivityFileView, ActivityView
from observability.api.analytics import AnalyticsFileView, AnalyticsMetaView, AnalyticsQueryView
from observability.api.classifiers import ClassificationsView, ClassifiersView, OneClassifierView
from observability.api.contents import ContentsDeletionView, ContentView
from observability.api.deliveries import (
    BackfillView,
    DeadLettersView,
    DeliveriesView,
    DiscardView,
    JobsView,
    ReceiptsView,
    ReplayView,
    StateView,
)
from observability.api.destination_steps import (
    DetachView,
    SendTestTraceView,
    TryConfigView,
    TryDestinationView,
)
from observability.api.destinations import DestinationsView, OneDestinationView
from observability.api.feedback import FeedbackView
from observability.api.generations import GenerationView
from observability.api.settings import ObservabilityView
from routing.api.byok import CredentialsView, OneCredentialView
from routing.api.explain import ExplainView
from routing.api.guardrail_assignments import (
    AllKeyAssignmentsView,
    AllMemberAssignmentsView,
    KeyAssignmentsView,
    MemberAssignmentsView,
    RemoveKeyAssignmentsView,
    RemoveMemberAssignmentsView,
)
from routing.api.guardrail_preview import GuardrailPreviewView
from routing.api.guardrails import GuardrailsView, OneGuardrailView
from routing.api.plugins import PluginsView, PluginView
from routing.api.preset_creation import FromChatView, FromMessagesView, FromResponsesView
from routing.api.presets import (
    OnePresetView,
    PresetDifferenceView,
    PresetsView,
    PresetVersionsView,
    PresetVersionView,
)
from routing.api.private_endpoint_steps import (
    ActivatePrivateEndpointView,
    DisablePrivateEndpointView,
    EnablePrivateEndpointView,
    PrivateEndpointPricingView,
    ValidatePrivateEndpointView,
)
from routing.api.private_endpoints import OnePrivateEndpointView, PrivateEndpointsView
from routing.api.routing import RoutingView
from workspaces.api.auth_codes import CodesView, ExchangeView
from workspaces.api.budgets import BudgetsView, BudgetView
from workspaces.api.current_key import CurrentKeyView
from workspaces.api.external_users import ExternalUsersView, ExternalUserView
from workspaces.api.keys import KeysView, OneKeyView
from workspaces.api.members import AddMembersView, MembersView, RemoveMembersView
from workspaces.api.rotation import OneSecretView, RotateView, SecretsView
from workspaces.api.workspaces import OneWorkspaceView, WorkspacesView

ROUTES: dict[str, type[View]] = {
    "activity": ActivityView,
    "activity.csv": ActivityFileView,
    "analytics/meta": AnalyticsMetaView,
    "analytics/query": AnalyticsQueryView,
    "analytics/query.csv": AnalyticsFileView,
    "audit-log": AuditLogView,
    "byok": CredentialsView,
    "byok/<str:id>": OneCredentialView,
    "auth/keys": ExchangeView,
    "auth/keys/code": CodesView,
    "classifiers": ClassifiersView,
    "classifiers/<str:id>": OneClassifierView,
    "classifiers/<str:id>/classifications": ClassificationsView,
    "credits": CreditsView,
    "explain": ExplainView,
    "external-users": ExternalUsersView,
    "credits/invoices": InvoicesView,
    "credits/invoices/<str:number>": OneInvoiceView,
    "credits/ledger": LedgerView,
    "credits/ledger.csv": LedgerFileView,
    "generation": GenerationView,
    "generation/content": ContentView,
    "generation/content/delete": ContentsDeletionView,
    "generation/feedback": FeedbackView,
    "guardrails": GuardrailsView,
    "guardrails/assignments/keys": AllKeyAssignmentsView,
    "guardrails/assignments/members": AllMemberAssignmentsView,
    "guardrails/preview": GuardrailPreviewView,
    "guardrails/<str:id>": OneGuardrailView,
    "guardrails/<str:id>/assignments/keys": KeyAssignmentsView,
    "guardrails/<str:id>/assignments/keys/remove": RemoveKeyAssignmentsView,
    "guardrails/<str:id>/assignments/members": MemberAssignmentsView,
    "guardrails/<str:id>/assignments/members/remove": RemoveMemberAssignmentsView,
    "key": CurrentKeyView,
    "keys": KeysView,
    "keys/<str:hash>": OneKeyView,
    "observability/destinations": DestinationsView,
    "observability/destinations/test": TryConfigView,
    "observability/destinations/<str:id>": OneDestinationView,
    "observability/destinations/<str:id>/backfill": BackfillView,
    "observability/destinations/<str:id>/dead-letters": DeadLettersView,
    "observability/destinations/<str:id>/deliveries": DeliveriesView,
    "observability/destinations/<str:id>/detach": DetachView,
    "observability/destinations/<str:id>/discard": DiscardView,
    "observability/destinations/<str:id>/jobs": JobsView,
    "observability/destinations/<str:id>/receipts": ReceiptsView,
    "observability/destinations/<str:id>/replay": ReplayView,
    "observability/destinations/<str:id>/state": StateView,
    "observability/destinations/<str:id>/test": TryDestinationView,
    "observability/destinations/<str:id>/test-trace": SendTestTraceView,
    "revisions": RevisionsView,
    "revisions/<str:id>": OneRevisionView,
    "revisions/<str:id>/diff": RevisionDiffView,
    "revisions/<str:id>/restore": RestoreView,
    "presets": PresetsView,
    "presets/<str:slug>": OnePresetView,
    "presets/<str:slug>/chat/completions": FromChatView,
    "presets/<str:slug>/messages": FromMessagesView,
    "presets/<str:slug>/responses": FromResponsesView,
    "presets/<str:slug>/versions": PresetVersionsView,
    "presets/<str:slug>/versions/<str:version>": PresetVersionView,
    "presets/<str:slug>/versions/<str:version>/diff": PresetDifferenceView,
    "private-endpoints": PrivateEndpointsView,
    "private-endpoints/<str:id>": OnePrivateEndpointView,
    "private-endpoints/<str:id>/activate": ActivatePrivateEndpointView,
    "private-endpoints/<str:id>/disable": DisablePrivateEndpointView,
    "private-endpoints/<str:id>/enable": EnablePrivateEndpointView,
    "private-endpoints/<str:id>/pricing": PrivateEndpointPricingView,
    "private-endpoints/<str:id>/validate": ValidatePrivateEndpointView,
    "organization/privacy": PrivacyView,
    "organization/settings": OrganizationSettingsView,
    "keys/<str:hash>/rotate": RotateView,
    "keys/<str:hash>/secrets": SecretsView,
    "keys/<str:hash>/secrets/<str:secret>": OneSecretView,
    "management-keys": ManagementKeysView,
    "management-keys/<str:hash>": OneManagementKeyView,
    "notifications": NotificationsView,
    "notifications/channels": ChannelsView,
    "notifications/channels/<str:id>": OneChannelView,
    "notifications/channels/<str:id>/disable": DisableChannelView,
    "notifications/channels/<str:id>/enable": EnableChannelView,
    "notifications/channels/<str:id>/test": TestChannelView,
    "notifications/rules": RulesView,
    "notifications/rules/<str:kind>": OneRuleView,
    "organization/invitations": InvitationsView,
    "organization/invitations/<str:id>": OneInvitationView,
    "organization/invitations/<str:id>/resend": ResendInvitationView,
    "organization/members": OrganizationMembersView,
    "organization/members/<str:user_id>": OneOrganizationMemberView,
    "workspaces": WorkspacesView,
    "workspaces/<str:id>": OneWorkspaceView,
    "workspaces/<str:id>/budgets": BudgetsView,
    "workspaces/<str:id>/budgets/<str:interval>": BudgetView,
    "workspaces/<str:id>/members": MembersView,
    "workspaces/<str:id>/members/add": AddMembersView,
    "workspaces/<str:id>/members/remove": RemoveMembersView,
    "workspaces/<str:id>/observability": ObservabilityView,
    "workspaces/<str:id>/plugins": PluginsView,
    "workspaces/<str:id>/plugins/<str:plugin>": PluginView,
    "workspaces/<str:id>/routing": RoutingView,
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
    # One address: a partner's id may hold slashes, at its end too.
    path("external-users/<path:user>", ExternalUserView.as_view()),
    *(pattern for address, view in ROUTES.items() for pattern in both(address, view)),
    *not_offered.urlpatterns,
    re_path("", unknown),
]
