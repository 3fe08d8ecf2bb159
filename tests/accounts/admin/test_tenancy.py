"""The Django admin's tenancy as one table: every page of every model, and what each of the cast gets there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin

from accounts import privacy
from accounts.audit_events import SIGNED_IN, note
from accounts.billing import set_billing
from accounts.credits import deposit
from accounts.invitations import invite
from accounts.models import (
    AlertState,
    AuditEvent,
    BillingDetails,
    IdempotentAnswer,
    Invitation,
    Invoice,
    LedgerEntry,
    ManagementKey,
    Membership,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationRule,
    Organization,
    PrivacySettings,
    Revision,
    StripeCheckout,
    StripeEvent,
    User,
)
from accounts.notifications import channels, reporting, rules
from accounts.revisions import Actor
from config.lib.admin import ScopedModelAdmin
from config.lib.ids import uuid7
from config.lib.scoping import tenant
from observability import settings as observability
from observability.delivery_orders import order
from observability.feedback import give
from observability.models import (
    Classification,
    Classifier,
    DeadLetterRecord,
    DeliveryJob,
    DeliveryReceipt,
    DeliveryState,
    Destination,
    Generation,
    GenerationContent,
    GenerationFeedback,
    JobRun,
    JournalPosition,
    ObservabilitySettings,
)
from routing import (
    byok,
    guardrail_assignments,
    guardrail_settings,
    plugin_settings,
    private_endpoints,
    routing_defaults,
)
from routing.models import (
    ByokCredential,
    Endpoint,
    Guardrail,
    KeyAssignment,
    LanguageModel,
    MemberAssignment,
    PluginSetting,
    Preset,
    PresetVersion,
    PriceVersion,
    PrivateEndpoint,
    PrivatePrice,
    Provider,
    RoutingDefaults,
)
from routing.preset_config import Content
from routing.presets import save_version
from routing.private_pricing import Rates
from tests.admin_pages import Doors, page
from tests.observability.classifiers import a_classifier
from tests.observability.destination_kinds import a_destination
from tests.observability.said import keep
from workspaces.auth_codes import Request, allow
from workspaces.budgets import set_budget
from workspaces.external_users import register
from workspaces.models import (
    ApiKey,
    ApiKeyUse,
    AuthCode,
    ExternalUser,
    FormerSecret,
    GatewayProcess,
    Purse,
    SecretUse,
    Workspace,
    WorkspaceBudget,
    WorkspaceMember,
)
from workspaces.rotation import rotate

pytestmark = pytest.mark.django_db

BY = Actor(door="shell")

# alice, bob, carol, mallory, staff, anonymous. A list has no object, so mallory gets her own. 302: to the sign-in.
LIST = (200, 403, 403, 200, 200, 302)
OWN = (200, 403, 403, 404, 200, 302)
KEPT = (403, 403, 403, 404, 403, 302)
ADMINS = (200, 403, 403, 200, 200, 302)
STAFF = (403, 403, 403, 403, 200, 302)
NOBODY = (403, 403, 403, 403, 403, 302)
KNOWN_TO_STAFF = (403, 403, 403, 404, 200, 302)
# What is the platform's exists for nobody else.
HIDDEN = (404, 403, 403, 404, 200, 302)
HIDDEN_AND_KEPT = (404, 403, 403, 404, 403, 302)

# Per model: its list, the form to add one, and an object of acme: its page, its deletion, its history.
TABLE = {
    User: (LIST, STAFF, OWN, KEPT, OWN),
    Organization: (LIST, STAFF, OWN, KEPT, OWN),
    Membership: (LIST, STAFF, OWN, OWN, OWN),
    Invitation: (LIST, ADMINS, OWN, OWN, OWN),
    ManagementKey: (LIST, ADMINS, OWN, OWN, OWN),
    NotificationChannel: (LIST, ADMINS, OWN, OWN, OWN),
    NotificationRule: (LIST, ADMINS, OWN, KEPT, OWN),
    Notification: (LIST, NOBODY, OWN, KEPT, OWN),
    NotificationDelivery: (LIST, NOBODY, OWN, KEPT, OWN),
    AlertState: (LIST, NOBODY, OWN, KEPT, OWN),
    LedgerEntry: (LIST, STAFF, OWN, KEPT, OWN),
    Invoice: (LIST, NOBODY, OWN, KEPT, OWN),
    BillingDetails: (LIST, ADMINS, OWN, KEPT, OWN),
    StripeCheckout: (LIST, NOBODY, OWN, KEPT, OWN),
    StripeEvent: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    Revision: (LIST, NOBODY, OWN, KEPT, OWN),
    AuditEvent: (LIST, NOBODY, OWN, KEPT, OWN),
    Workspace: (LIST, ADMINS, OWN, OWN, OWN),
    WorkspaceMember: (LIST, ADMINS, OWN, OWN, OWN),
    ApiKey: (LIST, ADMINS, OWN, OWN, OWN),
    AuthCode: (LIST, NOBODY, OWN, KEPT, OWN),
    FormerSecret: (LIST, NOBODY, OWN, KEPT, OWN),
    ExternalUser: (LIST, ADMINS, OWN, KEPT, OWN),
    WorkspaceBudget: (LIST, ADMINS, OWN, OWN, OWN),
    Preset: (LIST, ADMINS, OWN, OWN, OWN),
    PresetVersion: (LIST, ADMINS, OWN, KEPT, OWN),
    PluginSetting: (LIST, ADMINS, OWN, OWN, OWN),
    RoutingDefaults: (LIST, ADMINS, OWN, OWN, OWN),
    PrivacySettings: (LIST, ADMINS, OWN, KEPT, OWN),
    Guardrail: (LIST, ADMINS, OWN, OWN, OWN),
    KeyAssignment: (LIST, ADMINS, OWN, OWN, OWN),
    MemberAssignment: (LIST, ADMINS, OWN, OWN, OWN),
    ByokCredential: (LIST, ADMINS, OWN, OWN, OWN),
    PrivateEndpoint: (LIST, ADMINS, OWN, OWN, OWN),
    PrivatePrice: (LIST, ADMINS, OWN, KEPT, OWN),
    Classifier: (LIST, ADMINS, OWN, OWN, OWN),
    Classification: (LIST, NOBODY, OWN, KEPT, OWN),
    Destination: (LIST, ADMINS, OWN, OWN, OWN),
    DeliveryState: (LIST, NOBODY, OWN, KEPT, OWN),
    DeliveryReceipt: (LIST, NOBODY, OWN, KEPT, OWN),
    DeliveryJob: (LIST, NOBODY, OWN, KEPT, OWN),
    Purse: (LIST, NOBODY, OWN, KEPT, OWN),
    Generation: (LIST, NOBODY, OWN, KEPT, OWN),
    GenerationFeedback: (LIST, NOBODY, OWN, KEPT, OWN),
    GenerationContent: (LIST, NOBODY, OWN, OWN, OWN),
    ObservabilitySettings: (LIST, ADMINS, OWN, OWN, OWN),
    GatewayProcess: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    JournalPosition: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    DeadLetterRecord: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    JobRun: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    IdempotentAnswer: (STAFF, NOBODY, KNOWN_TO_STAFF, KEPT, KNOWN_TO_STAFF),
    ApiKeyUse: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    SecretUse: (STAFF, NOBODY, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    Provider: (STAFF, STAFF, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    LanguageModel: (STAFF, STAFF, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    Endpoint: (STAFF, STAFF, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
    PriceVersion: (STAFF, STAFF, HIDDEN, HIDDEN_AND_KEPT, HIDDEN),
}
WRITTEN_BY_THE_DATA_PLANE = {
    Classification,
    ApiKeyUse,
    SecretUse,
    Generation,
    GenerationContent,
    GatewayProcess,
    JobRun,
    JournalPosition,
    DeadLetterRecord,
    DeliveryReceipt,
    DeliveryState,
}


def a_generation(workspace, **columns):
    """Write a generation as ingest would."""
    given = {
        "id": uuid7(),
        "admitted_at": datetime.now(UTC),
        "organization_id": workspace.organization_id,
        "workspace_id": workspace.pk,
        "subjects": [],
        "process_id": uuid.uuid4(),
        "batch": 1,
        "model": "simulator/echo",
        "provider": "simulator",
        "dialect": "chat",
        "is_streamed": False,
        "status": "completed",
        "is_interrupted": False,
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "reasoning_tokens": 0,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "is_usage_estimated": False,
        "cost_nano": 1,
        "byok_nano": 0,
        "is_byok": False,
        "refused_count": 1,
    }
    return Generation.everything.using("owner").create(**given | columns)


class Objects:
    """An object of acme, or of the platform, of every kind."""

    def __init__(self, cast):
        self.acme = cast.acme

    def key_of(self, model):
        """The key of one object, made if acme has none."""
        make = getattr(self, f"make_{model.__name__}", None)
        if make is not None:
            return make().pk
        with tenant(self.acme.organization.pk):
            return model._default_manager.order_by("pk").first().pk

    def make_User(self):
        return self.acme.bob.user

    def make_AuditEvent(self):
        note(SIGNED_IN, by=BY, organization_ids=[self.acme.organization.pk])
        with tenant(self.acme.organization.pk):
            return AuditEvent.objects.get()

    def make_Invitation(self):
        with tenant(self.acme.organization.pk):
            return invite(organization=self.acme.organization, email="d@x.example", role="member", by=BY)

    def make_NotificationChannel(self):
        organization, to = self.acme.organization, {"to": ["ops@acme.example"]}
        with tenant(organization.pk):
            made = channels.create(organization=organization, kind="email", name="Ops", config=to, by=BY)
        return made.channel

    def make_NotificationRule(self):
        with tenant(self.acme.organization.pk):
            return rules.change(
                organization=self.acme.organization, kind="low_balance", is_disabled=True, by=BY
            )

    def make_Notification(self):
        self.make_AlertState()
        with tenant(self.acme.organization.pk):
            return Notification.objects.get()

    def make_NotificationDelivery(self):
        self.make_AlertState()
        with tenant(self.acme.organization.pk):
            return NotificationDelivery.objects.get()

    def make_AlertState(self):
        organization = self.acme.organization.pk
        reporting.report(
            organization_id=organization,
            kind="destination_failing",
            subject="destination:7",
            facts={"name": "Traces"},
        )
        with tenant(organization):
            return AlertState.objects.get()

    def make_LedgerEntry(self):
        with tenant(self.acme.organization.pk):
            deposit(
                organization=self.acme.organization,
                kind="purchase",
                amount_nano=1,
                description="",
                by=BY,
            )
            return LedgerEntry.objects.first()

    def make_Invoice(self):
        self.make_LedgerEntry()
        with tenant(self.acme.organization.pk):
            return Invoice.objects.get()

    def make_BillingDetails(self):
        with tenant(self.acme.organization.pk):
            return set_billing(
                organization=self.acme.organization, name="Acme Ltd", address="", tax_id="", by=BY
            )

    def make_StripeCheckout(self):
        with tenant(self.acme.organization.pk):
            return StripeCheckout.objects.create(organization=self.acme.organization, amount_cents=1)

    def make_StripeEvent(self):
        return StripeEvent.objects.create(id="evt_1", kind="charge.refunded")

    def make_WorkspaceBudget(self):
        with tenant(self.acme.organization.pk):
            return set_budget(workspace=self.acme.production, interval="d", limit_nano=1, by=BY)

    def make_Preset(self):
        with tenant(self.acme.organization.pk):
            return save_version(workspace=self.acme.production, slug="brief", content=Content(), by=BY)

    def make_PresetVersion(self):
        return self.make_Preset().designated_version

    def make_PluginSetting(self):
        with tenant(self.acme.organization.pk):
            return plugin_settings.change(
                workspace=self.acme.production, plugin="response-healing", is_enabled=True, by=BY
            )

    def make_RoutingDefaults(self):
        with tenant(self.acme.organization.pk):
            return routing_defaults.change(workspace=self.acme.production, zdr=True, by=BY)

    def make_PrivacySettings(self):
        with tenant(self.acme.organization.pk):
            return privacy.change(organization=self.acme.organization, by=BY, enforce_zdr_xai=True)

    def make_Guardrail(self):
        with tenant(self.acme.organization.pk):
            return guardrail_settings.create(workspace=self.acme.production, name="Strict", by=BY)

    def make_KeyAssignment(self):
        guardrail = self.make_Guardrail()
        with tenant(self.acme.organization.pk):
            guardrail_assignments.assign_keys(guardrail=guardrail, keys=[self.acme.bob_key.key], by=BY)
            return KeyAssignment.objects.get()

    def make_MemberAssignment(self):
        guardrail = self.make_Guardrail()
        with tenant(self.acme.organization.pk):
            guardrail_assignments.assign_members(guardrail=guardrail, memberships=[self.acme.bob], by=BY)
            return MemberAssignment.objects.get()

    def make_ByokCredential(self):
        with tenant(self.acme.organization.pk):
            return byok.create(
                organization=self.acme.organization,
                workspace=self.acme.production,
                provider="openai",
                secret="sk-1",
                by=BY,
            )

    def make_PrivateEndpoint(self):
        with tenant(self.acme.organization.pk):
            return private_endpoints.create(
                organization=self.acme.organization,
                provider="ollama",
                model="acme/llama",
                model_name="Llama",
                upstream_model="llama3",
                base_url="https://llm.acme.example/v1",
                rates=Rates(1, 2),
                by=BY,
            )

    def make_PrivatePrice(self):
        with tenant(self.acme.organization.pk):
            return self.make_PrivateEndpoint().prices.get()

    def make_Classifier(self):
        with tenant(self.acme.organization.pk):
            return a_classifier(self.acme.production)

    def make_Classification(self):
        return Classification.everything.using("owner").create(
            classifier_id=7,
            generation_id=uuid7(),
            organization_id=self.acme.organization.pk,
            workspace_id=self.acme.production.pk,
        )

    def make_Destination(self):
        with tenant(self.acme.organization.pk):
            return a_destination(self.acme.production)

    def make_DeliveryState(self):
        destination = self.make_Destination()
        return DeliveryState.everything.using("owner").create(
            destination_id=destination.pk, organization_id=destination.organization_id
        )

    def make_DeliveryReceipt(self):
        destination = self.make_Destination()
        return DeliveryReceipt.everything.using("owner").create(
            destination_id=destination.pk,
            organization_id=destination.organization_id,
            workspace_id=destination.workspace_id,
            outcome="sent",
            traces=1,
        )

    def make_DeliveryJob(self):
        destination, now = self.make_Destination(), datetime.now(UTC)
        with tenant(self.acme.organization.pk):
            return order(
                destination=destination,
                kind="replay",
                since=now - timedelta(days=1),
                by=BY,
                start=lambda _: None,
            )

    def make_Generation(self):
        return a_generation(self.acme.production)

    def make_GenerationContent(self):
        generation = a_generation(self.acme.production)
        keep(generation)
        return GenerationContent.everything.using("owner").get(pk=generation.pk)

    def make_ObservabilitySettings(self):
        with tenant(self.acme.organization.pk):
            observability.change(workspace=self.acme.production, retention_days=7, by=BY)
            return ObservabilitySettings.objects.get()

    def make_GenerationFeedback(self):
        of = Generation(
            id=uuid7(), organization_id=self.acme.organization.pk, workspace_id=self.acme.production.pk
        )
        with tenant(self.acme.organization.pk):
            return give(generation=of, category="other", by=BY)

    def make_IdempotentAnswer(self):
        with tenant(self.acme.organization.pk):
            return IdempotentAnswer.objects.create(
                organization=self.acme.organization, caller="key", key_hash="k", request_hash="r", status=201
            )

    def make_ApiKeyUse(self):
        return ApiKeyUse.objects.using("owner").create(
            api_key_id=self.acme.bob_key.key.pk,
            organization_id=self.acme.organization.pk,
            last_used_at=datetime.now(UTC),
        )

    def make_SecretUse(self):
        return SecretUse.objects.using("owner").create(
            api_key_id=self.acme.bob_key.key.pk,
            organization_id=self.acme.organization.pk,
            number=1,
            last_used_at=datetime.now(UTC),
        )

    def make_AuthCode(self):
        with tenant(self.acme.organization.pk):
            request = Request(callback_url="https://app.example/")
            return allow(workspace=self.acme.production, owner=self.acme.bob, request=request, by=BY).row

    def make_FormerSecret(self):
        with tenant(self.acme.organization.pk):
            key = rotate(key=self.acme.bob_key.key, by=BY).key
            return FormerSecret.objects.get(key=key)

    def make_ExternalUser(self):
        with tenant(self.acme.organization.pk):
            return register(organization=self.acme.organization, identifier="customer-7", by=BY)

    def make_GatewayProcess(self):
        return GatewayProcess.objects.using("owner").create(id=uuid.uuid4(), host="here")

    def make_JournalPosition(self):
        return JournalPosition.objects.using("owner").create(process_id=uuid.uuid4())

    def make_DeadLetterRecord(self):
        return DeadLetterRecord.objects.using("owner").create(
            process_id=uuid.uuid4(), segment=1, byte_offset=1, record=b"what bob said", error="broken"
        )

    def make_JobRun(self):
        return JobRun.objects.using("owner").create(name="sessions", started_at=datetime.now(UTC))

    def make_Provider(self):
        return Provider.objects.create(slug="somebody", name="Somebody")

    def make_LanguageModel(self):
        return LanguageModel.objects.create(slug="somebody/model", name="Model", author="somebody")

    def make_Endpoint(self):
        return Endpoint.objects.create(
            model=self.make_LanguageModel(),
            provider=self.make_Provider(),
            tag="somebody",
            upstream_model="model",
        )

    def make_PriceVersion(self):
        return PriceVersion.objects.create(endpoint=self.make_Endpoint(), prompt_femto=1, completion_femto=1)


def rows_of_the_table():
    """Models as parameters; what only the owner role writes must be committed to be seen."""
    committed = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    for model in TABLE:
        marks = committed if model in WRITTEN_BY_THE_DATA_PLANE else ()
        yield pytest.param(model, marks=marks, id=model.__name__)


class TestEveryPage:
    @pytest.mark.parametrize("model", list(rows_of_the_table()))
    def test_answers_everybody_as_the_table_says(self, model, cast, doors: Doors):
        key = Objects(cast).key_of(model)
        pages = [
            page(model, "changelist"),
            page(model, "add"),
            page(model, "change", key),
            page(model, "delete", key),
            page(model, "history", key),
        ]

        answers = [tuple(doors.statuses(path).values()) for path in pages]

        assert dict(zip(pages, answers, strict=True)) == dict(zip(pages, TABLE[model], strict=True))

    def test_of_a_tenant_is_in_the_table(self):
        registered = {
            model for model, shown in admin.site._registry.items() if getattr(shown, "administrators_may", ())
        }

        assert registered <= TABLE.keys()

    def test_belongs_to_a_scoped_class(self):
        assert all(isinstance(page, ScopedModelAdmin) for page in admin.site._registry.values())
