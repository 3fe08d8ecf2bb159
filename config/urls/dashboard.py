"""The addresses of the dashboard: an organization's under /o/, a workspace's below it."""

from django.urls import URLPattern, URLResolver, include, path

from accounts.dashboard.audit_log import AuditLogView, EntryView, ExportView, RestoreView
from accounts.dashboard.billing import BillingView, InvoicesView, InvoiceView, StatementView
from accounts.dashboard.credits import AddCreditsView, CreditsView, LedgerFileView
from accounts.dashboard.invitation import InvitationLinkView, InvitationView
from accounts.dashboard.management_keys import (
    ManagementKeysView,
    NewManagementKeyView,
    RevokeManagementKeyView,
)
from accounts.dashboard.members import (
    InviteView,
    MemberRoleView,
    MembersView,
    RemoveMemberView,
    ResendInvitationView,
    RevokeInvitationView,
)
from accounts.dashboard.notifications import (
    DeleteChannelView,
    EditChannelView,
    NewChannelView,
    NotificationsView,
    RuleView,
    SwitchChannelView,
    TestChannelView,
)
from accounts.dashboard.organization import LeaveView, NewOrganizationView, OrganizationSettingsView
from accounts.dashboard.palette import PaletteView
from accounts.dashboard.profile import EndSessionView, ProfileView
from observability.dashboard.activity import ActivityFileView, ActivityView
from observability.dashboard.allowing import AllowPhraseView
from observability.dashboard.classifiers import (
    ClassifiersView,
    ClassifierView,
    DeleteClassifierView,
    EditClassifierView,
    NewClassifierView,
)
from observability.dashboard.contents import ContentView, FalsePositiveView
from observability.dashboard.deliveries import (
    BackfillView,
    BatchesView,
    DeliveriesView,
    DestinationView,
    DiscardView,
    OrderView,
    TryDestinationView,
)
from observability.dashboard.destination_edit import (
    DeleteDestinationView,
    DetachDestinationView,
    EditDestinationView,
    SwitchDestinationView,
)
from observability.dashboard.destinations import (
    DestinationsView,
    GalleryView,
    NewDestinationView,
    SwitchBroadcastView,
)
from observability.dashboard.io_logging import IoLoggingView
from observability.dashboard.logs import GenerationView, LogsView
from routing.dashboard.byok import ByokView
from routing.dashboard.byok_new import NewCredentialView, RotateCredentialView
from routing.dashboard.byok_one import (
    DeleteCredentialView,
    EditCredentialView,
    MoveCredentialView,
    SwitchCredentialView,
    TryCredentialView,
)
from routing.dashboard.chat import ChatTokenView, ChatView
from routing.dashboard.explain import ExplainView
from routing.dashboard.guardrail_editor import EditGuardrailView, NewGuardrailView
from routing.dashboard.guardrail_holders import GuardrailKeysView, GuardrailMembersView
from routing.dashboard.guardrails import DeleteGuardrailView, GuardrailsView
from routing.dashboard.plugins import PluginsView, PluginView, ResetPluginView, ServerToolsView
from routing.dashboard.preset_versions import CompareVersionsView, UseVersionView, VersionsView
from routing.dashboard.presets import (
    DeletePresetView,
    EditPresetView,
    NewPresetView,
    PresetDetailsView,
    PresetsView,
    SwitchPresetView,
    TryPresetView,
)
from routing.dashboard.privacy import PrivacyView
from routing.dashboard.private_endpoint_steps import (
    ActivateEndpointView,
    DeleteEndpointView,
    PriceEndpointView,
    SwitchEndpointView,
    ValidateEndpointView,
)
from routing.dashboard.private_endpoints import (
    EditEndpointView,
    EndpointView,
    NewEndpointView,
    PrivateEndpointsView,
)
from routing.dashboard.routing import RoutingView
from routing.dashboard.routing_preview import RoutingPreviewView
from routing.models import Preset
from workspaces.dashboard.authorize import AuthorizeView
from workspaces.dashboard.home import HideStepsView, HomeView
from workspaces.dashboard.key_links import KeyLinkView, KeyLogsLinkView
from workspaces.dashboard.key_page import DeleteKeyView, EditKeyView, KeyView, SwitchKeyView
from workspaces.dashboard.key_rotation import EndSecretView, RotateKeyView
from workspaces.dashboard.key_transfer import TransferKeysView
from workspaces.dashboard.keys import KeysView, NewKeyView
from workspaces.dashboard.places import OrganizationRootView, RootView, WorkspacesView
from workspaces.dashboard.preferences import PreferencesView
from workspaces.dashboard.workspace_members import (
    AddWorkspaceMembersView,
    RemoveWorkspaceMemberView,
    WorkspaceMembersView,
)
from workspaces.dashboard.workspace_new import NewWorkspaceView
from workspaces.dashboard.workspace_settings import (
    DeleteWorkspaceView,
    WorkspaceBudgetsView,
    WorkspaceEnforcementView,
    WorkspaceSettingsView,
)

app_name = "dashboard"

byok_urls: list[URLPattern | URLResolver] = [
    path("byok", ByokView.as_view(), name="byok"),
    path("byok/new", NewCredentialView.as_view(), name="byok_new"),
    path("byok/<uuid:credential>", EditCredentialView.as_view(), name="byok_edit"),
    path(
        "byok/<uuid:credential>/disable", SwitchCredentialView.as_view(is_disabled=True), name="byok_disable"
    ),
    path("byok/<uuid:credential>/enable", SwitchCredentialView.as_view(), name="byok_enable"),
    path("byok/<uuid:credential>/move", MoveCredentialView.as_view(), name="byok_move"),
    path("byok/<uuid:credential>/test", TryCredentialView.as_view(), name="byok_test"),
    path("byok/<uuid:credential>/rotate", RotateCredentialView.as_view(), name="byok_rotate"),
    path("byok/<uuid:credential>/delete", DeleteCredentialView.as_view(), name="byok_delete"),
]
preset_urls: list[URLPattern | URLResolver] = [
    path("details", PresetDetailsView.as_view(), name="preset_details"),
    path("enable", SwitchPresetView.as_view(status=Preset.ACTIVE), name="preset_enable"),
    path("disable", SwitchPresetView.as_view(status=Preset.DISABLED), name="preset_disable"),
    path("try", TryPresetView.as_view(), name="preset_try"),
    path("delete", DeletePresetView.as_view(), name="preset_delete"),
    path("versions", VersionsView.as_view(), name="preset_versions"),
    path("versions/compare", CompareVersionsView.as_view(), name="preset_compare"),
    path("versions/<slug:number>/use", UseVersionView.as_view(), name="preset_use"),
]
destination_urls: list[URLPattern | URLResolver] = [
    path("settings", EditDestinationView.as_view(), name="destination_edit"),
    path("test", TryDestinationView.as_view(), name="destination_test"),
    path("enable", SwitchDestinationView.as_view(), name="destination_enable"),
    path("disable", SwitchDestinationView.as_view(is_enabled=False), name="destination_disable"),
    path("detach", DetachDestinationView.as_view(), name="destination_detach"),
    path("delete", DeleteDestinationView.as_view(), name="destination_delete"),
    path("deliveries", DeliveriesView.as_view(), name="deliveries"),
    path("deliveries/replay", OrderView.as_view(), name="deliveries_replay"),
    path("deliveries/discard", DiscardView.as_view(), name="deliveries_discard"),
    path("batches", BatchesView.as_view(), name="batches"),
    path("backfill", BackfillView.as_view(), name="backfill"),
]
classifier_urls: list[URLPattern | URLResolver] = [
    path("settings", EditClassifierView.as_view(), name="classifier_edit"),
    path("delete", DeleteClassifierView.as_view(), name="classifier_delete"),
]
guardrail_urls: list[URLPattern | URLResolver] = [
    path("keys", GuardrailKeysView.as_view(), name="guardrail_keys"),
    path("members", GuardrailMembersView.as_view(), name="guardrail_members"),
    path("delete", DeleteGuardrailView.as_view(), name="guardrail_delete"),
]
workspace_urls: list[URLPattern | URLResolver] = [
    path("", HomeView.as_view(), name="home"),
    path("set-up/hide", HideStepsView.as_view(), name="steps_hide"),
    path("explain", ExplainView.as_view(), name="explain"),
    path("plugins", PluginsView.as_view(), name="plugins"),
    path("plugins/server-tools", ServerToolsView.as_view(), name="server_tools"),
    path("plugins/<slug:plugin>", PluginView.as_view(), name="plugin"),
    path("plugins/<slug:plugin>/reset", ResetPluginView.as_view(), name="plugin_reset"),
    path("presets", PresetsView.as_view(), name="presets"),
    path("presets/new", NewPresetView.as_view(), name="preset_new"),
    path("presets/<uuid:preset>", EditPresetView.as_view(), name="preset"),
    path("presets/<uuid:preset>/", include(preset_urls)),
    path("guardrails", GuardrailsView.as_view(), name="guardrails"),
    path("guardrails/new", NewGuardrailView.as_view(), name="guardrail_new"),
    path("guardrails/<uuid:guardrail>", EditGuardrailView.as_view(), name="guardrail_edit"),
    path("guardrails/<uuid:guardrail>/", include(guardrail_urls)),
    *byok_urls,
    path("routing", RoutingView.as_view(), name="routing"),
    path("routing/preview", RoutingPreviewView.as_view(), name="routing_preview"),
    path("destinations", DestinationsView.as_view(), name="destinations"),
    path("destinations/broadcast", SwitchBroadcastView.as_view(), name="broadcast_switch"),
    path("destinations/new", GalleryView.as_view(), name="destination_new"),
    path("destinations/new/<slug:type>", NewDestinationView.as_view(), name="destination_add"),
    path("destinations/<uuid:destination>", DestinationView.as_view(), name="destination"),
    path("destinations/<uuid:destination>/", include(destination_urls)),
    path("io-logging", IoLoggingView.as_view(), name="io_logging"),
    path("classifiers", ClassifiersView.as_view(), name="classifiers"),
    path("classifiers/new", NewClassifierView.as_view(), name="classifier_new"),
    path("classifiers/<uuid:classifier>", ClassifierView.as_view(), name="classifier"),
    path("classifiers/<uuid:classifier>/", include(classifier_urls)),
    path("keys", KeysView.as_view(), name="keys"),
    path("keys/new", NewKeyView.as_view(), name="key_new"),
    path("keys/transfer", TransferKeysView.as_view(), name="keys_transfer"),
    path("keys/<slug:key>", KeyView.as_view(), name="key"),
    path("keys/<slug:key>/edit", EditKeyView.as_view(), name="key_edit"),
    path("keys/<slug:key>/disable", SwitchKeyView.as_view(is_disabled=True), name="key_disable"),
    path("keys/<slug:key>/enable", SwitchKeyView.as_view(is_disabled=False), name="key_enable"),
    path("keys/<slug:key>/delete", DeleteKeyView.as_view(), name="key_delete"),
    path("keys/<slug:key>/rotate", RotateKeyView.as_view(), name="key_rotate"),
    path("keys/<slug:key>/secrets/<slug:secret>/end", EndSecretView.as_view(), name="key_end_secret"),
    path("members", WorkspaceMembersView.as_view(), name="workspace_members"),
    path("members/add", AddWorkspaceMembersView.as_view(), name="workspace_members_add"),
    path(
        "members/user_<int:user>/remove", RemoveWorkspaceMemberView.as_view(), name="workspace_member_remove"
    ),
    path("settings", WorkspaceSettingsView.as_view(), name="workspace_settings"),
    path("settings/budgets", WorkspaceBudgetsView.as_view(), name="workspace_budgets"),
    path("settings/enforcement", WorkspaceEnforcementView.as_view(), name="workspace_enforcement"),
    path("settings/delete", DeleteWorkspaceView.as_view(), name="workspace_delete"),
]
channel_urls: list[URLPattern | URLResolver] = [
    path("new/<slug:type>", NewChannelView.as_view(), name="notification_channel_new"),
    path("<uuid:channel>", EditChannelView.as_view(), name="notification_channel"),
    path("<uuid:channel>/test", TestChannelView.as_view(), name="notification_channel_test"),
    path(
        "<uuid:channel>/disable",
        SwitchChannelView.as_view(is_disabled=True),
        name="notification_channel_disable",
    ),
    path("<uuid:channel>/enable", SwitchChannelView.as_view(), name="notification_channel_enable"),
    path("<uuid:channel>/delete", DeleteChannelView.as_view(), name="notification_channel_delete"),
]
endpoint_urls: list[URLPattern | URLResolver] = [
    path("private-endpoints", PrivateEndpointsView.as_view(), name="private_endpoints"),
    path("private-endpoints/new", NewEndpointView.as_view(), name="private_endpoint_new"),
    path("private-endpoints/<uuid:endpoint>", EndpointView.as_view(), name="private_endpoint"),
    path("private-endpoints/<uuid:endpoint>/edit", EditEndpointView.as_view(), name="private_endpoint_edit"),
    path(
        "private-endpoints/<uuid:endpoint>/validate",
        ValidateEndpointView.as_view(),
        name="private_endpoint_validate",
    ),
    path(
        "private-endpoints/<uuid:endpoint>/activate",
        ActivateEndpointView.as_view(),
        name="private_endpoint_activate",
    ),
    path(
        "private-endpoints/<uuid:endpoint>/disable",
        SwitchEndpointView.as_view(is_disabled=True),
        name="private_endpoint_disable",
    ),
    path(
        "private-endpoints/<uuid:endpoint>/enable",
        SwitchEndpointView.as_view(),
        name="private_endpoint_enable",
    ),
    path(
        "private-endpoints/<uuid:endpoint>/pricing",
        PriceEndpointView.as_view(),
        name="private_endpoint_pricing",
    ),
    path(
        "private-endpoints/<uuid:endpoint>/delete",
        DeleteEndpointView.as_view(),
        name="private_endpoint_delete",
    ),
]
organization_urls: list[URLPattern | URLResolver] = [
    path("", OrganizationRootView.as_view(), name="organization"),
    path("find", PaletteView.as_view(), name="palette"),
    path("preferences", PreferencesView.as_view(), name="preferences"),
    path("workspaces", WorkspacesView.as_view(), name="workspaces"),
    path("workspaces/new", NewWorkspaceView.as_view(), name="workspace_new"),
    path("chat", ChatView.as_view(), name="chat"),
    path("chat/token", ChatTokenView.as_view(), name="chat_token"),
    path("activity", ActivityView.as_view(), name="activity"),
    path("activity.csv", ActivityFileView.as_view(), name="activity_file"),
    path("logs", LogsView.as_view(), name="logs"),
    path("logs/<slug:generation>", GenerationView.as_view(), name="generation"),
    path("logs/<slug:generation>/content", ContentView.as_view(), name="generation_content"),
    path("logs/<slug:generation>/false-positive", FalsePositiveView.as_view(), name="false_positive"),
    path("logs/<slug:generation>/allow", AllowPhraseView.as_view(), name="generation_allow"),
    path("credits", CreditsView.as_view(), name="credits"),
    path("audit-log", AuditLogView.as_view(), name="audit_log"),
    path("audit-log.csv", ExportView.as_view(), name="audit_log_export"),
    path("audit-log/<slug:entry>", EntryView.as_view(), name="audit_entry"),
    path("audit-log/<slug:entry>/restore", RestoreView.as_view(), name="audit_restore"),
    path("credits/add", AddCreditsView.as_view(), name="credits_add"),
    path("credits/ledger.csv", LedgerFileView.as_view(), name="ledger_file"),
    path("credits/billing", BillingView.as_view(), name="billing"),
    path("credits/invoices", InvoicesView.as_view(), name="invoices"),
    path("credits/invoices/<str:number>", InvoiceView.as_view(), name="invoice"),
    path("credits/statements/<str:month>", StatementView.as_view(), name="statement"),
    path("members", MembersView.as_view(), name="members"),
    path("members/invite", InviteView.as_view(), name="member_invite"),
    path("members/user_<int:user>/role", MemberRoleView.as_view(), name="member_role"),
    path("members/user_<int:user>/remove", RemoveMemberView.as_view(), name="member_remove"),
    path("invitations/<uuid:invitation>/resend", ResendInvitationView.as_view(), name="invitation_resend"),
    path("invitations/<uuid:invitation>/revoke", RevokeInvitationView.as_view(), name="invitation_revoke"),
    path("management-keys", ManagementKeysView.as_view(), name="management_keys"),
    path("management-keys/new", NewManagementKeyView.as_view(), name="management_key_new"),
    path(
        "management-keys/<slug:key>/revoke", RevokeManagementKeyView.as_view(), name="management_key_revoke"
    ),
    path("privacy", PrivacyView.as_view(), name="privacy"),
    path("notifications", NotificationsView.as_view(), name="notifications"),
    path("notifications/rules/<slug:kind>", RuleView.as_view(), name="notification_rule"),
    path("notifications/channels/", include(channel_urls)),
    *endpoint_urls,
    path("settings", OrganizationSettingsView.as_view(), name="organization_settings"),
    path("leave", LeaveView.as_view(), name="leave"),
    path("w/<slug:workspace>/", include(workspace_urls)),
]
urlpatterns = [
    path("", RootView.as_view(), name="root"),
    path("keys/<slug:key>", KeyLinkView.as_view(), name="key_link"),
    path("logs", KeyLogsLinkView.as_view(), name="key_logs_link"),
    path("auth", AuthorizeView.as_view(), name="authorize"),
    path("settings", ProfileView.as_view(), name="profile"),
    path("settings/sessions/<int:session>/end", EndSessionView.as_view(), name="session_end"),
    path("organizations/new", NewOrganizationView.as_view(), name="organization_new"),
    path("invitation", InvitationView.as_view(), name="invitation"),
    path("invitations/<str:token>", InvitationLinkView.as_view(), name="invitation_link"),
    path("o/<slug:organization>/", include(organization_urls)),
]
