"""One object of each kind that the API's addresses and bodies name: acme's, globex's, or nobody's."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from accounts.credits import deposit
from accounts.invitations import invite
from accounts.models import Invitation, ManagementKey, Membership, Organization, Revision
from accounts.notifications import channels
from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability.models import Destination
from routing import byok, guardrail_settings, private_endpoints
from routing.models import Guardrail, PrivateEndpoint
from routing.preset_config import Content
from routing.presets import save_version
from routing.private_pricing import Rates
from tests.cast import STAGE, Acme, Globex
from tests.observability.classifiers import a_classifier
from tests.observability.destination_kinds import a_destination
from workspaces.api_keys import issue
from workspaces.budgets import set_budget
from workspaces.external_users import register
from workspaces.models import ApiKey, Workspace
from workspaces.rotation import rotate
from workspaces.workspaces import change, create

World: TypeAlias = dict[str, str]
"""By the placeholder that the table of operations has for it: how an address or body names the object."""

PLACEHOLDER = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Home:
    """Where the objects are put, and who is there."""

    organization: Organization
    workspace: Workspace
    administrator: Membership
    members: tuple[Membership, Membership]
    key: ApiKey
    management_key: ManagementKey


def acme_home(acme: Acme) -> Home:
    """Acme: production, with bob's key."""
    return Home(
        acme.organization,
        acme.production,
        acme.alice,
        (acme.bob, acme.carol),
        acme.bob_key.key,
        acme.management_key.key,
    )


def globex_home(globex: Globex) -> Home:
    """Globex: a workspace of its own, with mallory's key."""
    with tenant(globex.organization.pk):
        workspace = create(organization=globex.organization, name="Secret", slug="secret", by=STAGE)
        key = issue(workspace=workspace, name="hers", owner=globex.mallory, by=STAGE).key
    mallory = globex.mallory
    return Home(globex.organization, workspace, mallory, (mallory, mallory), key, globex.management_key.key)


def furnish(home: Home) -> World:
    """Make an object of each kind there."""
    empty, customer = f"empty-at-{home.organization.slug}", f"customer-of-{home.organization.slug}"
    with tenant(home.organization.pk):
        create(organization=home.organization, name="Empty", slug=empty, by=STAGE)
        change(workspace=home.workspace, by=STAGE, name="Live")
        set_budget(workspace=home.workspace, interval="d", limit_nano=10**9, by=STAGE)
        for workspace in Workspace.objects.filter(slug__in=[home.workspace.slug, "research"]):
            save_version(workspace=workspace, slug="brief", content=Content(), by=STAGE)
        register(organization=home.organization, identifier=customer, by=STAGE)
        deposit(organization=home.organization, kind="purchase", amount_nano=10**9, description="", by=STAGE)
        return {
            "{production}": str(home.workspace.public_id),
            "{empty}": empty,
            "{alice}": home.administrator.user.public_id,
            "{bob}": home.members[0].user.public_id,
            "{carol}": home.members[1].user.public_id,
            "{bob_key}": home.key.hash,
            "{management_key}": home.management_key.hash,
            "{customer}": customer,
            "{generation}": generation_id(uuid7()),
            **_rotated(home),
            **_governing(home),
            "{private}": str(_private(home).public_id),
            "{active_private}": str(_active_private(home).public_id),
            "{classifier}": str(a_classifier(home.workspace).public_id),
            "{destination}": str(a_destination(home.workspace).public_id),
            "{copy}": _copy(home),
            "{invitation}": _invitation(home),
            "{channel}": _channel(home),
            "{revision}": _newest("workspace"),
            "{role}": _newest("membership"),
        }


def unknown_world() -> World:
    """Names that look right and are nobody's."""
    return {
        **{f"{{{name}}}": str(uuid.uuid4()) for name in ("production", "guardrail", "default_guardrail")},
        **{f"{{{name}}}": str(uuid.uuid4()) for name in ("credential", "invitation", "channel")},
        **{
            f"{{{name}}}": str(uuid.uuid4())
            for name in ("private", "active_private", "classifier", "destination", "copy")
        },
        "{empty}": "emptier",
        "{alice}": "user_999999999",
        "{bob}": "user_999999998",
        "{carol}": "user_999999997",
        "{bob_key}": "0" * 64,
        "{management_key}": "1" * 64,
        "{customer}": "customer-9",
        "{former}": "e" * 64,
        "{rotated}": "d" * 64,
        "{generation}": generation_id(uuid7()),
        "{revision}": "999999999",
        "{role}": "999999998",
    }


def filled(value: Any, world: World) -> Any:
    """A path or body with a world's objects in its placeholders."""
    return json.loads(PLACEHOLDER.sub(lambda match: world[match.group()], json.dumps(value)))


def _rotated(home: Home) -> World:
    former = issue(workspace=home.workspace, name="rotated", by=STAGE).key
    return {"{former}": former.hash, "{rotated}": rotate(key=former, by=STAGE).key.hash}


def _governing(home: Home) -> World:
    guardrail = guardrail_settings.create(workspace=home.workspace, name="Own", by=STAGE)
    default = Guardrail.default_of(home.workspace)
    guardrail_settings.change(guardrail=default, by=STAGE, name="Everybody's")
    credential = byok.create(
        organization=home.organization, workspace=home.workspace, provider="openai", secret="sk-1", by=STAGE
    )
    return {
        "{guardrail}": str(guardrail.public_id),
        "{default_guardrail}": str(home.workspace.default_guardrail_id),
        "{credential}": str(credential.public_id),
    }


def _private(home: Home) -> PrivateEndpoint:
    """A draft, which asks for a credential that is not there before it would call anybody."""
    return private_endpoints.create(
        organization=home.organization,
        provider="ollama",
        model=f"{home.organization.slug}/llama",
        model_name="Llama",
        upstream_model="llama3",
        base_url="https://llm.x.example/v1",
        rates=Rates(0, 0),
        by=STAGE,
    )


def _active_private(home: Home) -> PrivateEndpoint:
    endpoint = private_endpoints.note_validated(endpoint=_private(home), by=STAGE)
    return private_endpoints.activate(endpoint=endpoint, by=STAGE)


def _channel(home: Home) -> str:
    made = channels.create(
        organization=home.organization, kind="email", name="Ops", config={"to": ["ops@x.example"]}, by=STAGE
    )
    return str(made.channel.public_id)


def _copy(home: Home) -> str:
    """A destination that follows one of another workspace."""
    source = a_destination(home.workspace, is_everywhere=True)
    return str(Destination.objects.filter(source=source).earliest("pk").public_id)


def _invitation(home: Home) -> str:
    """An invitation that was sent a while ago, so that it may be sent again."""
    sent = invite(organization=home.organization, email="new@x.example", role="member", by=STAGE)
    Invitation.objects.filter(pk=sent.pk).update(sent_at=sent.sent_at - timedelta(hours=1))
    return str(sent.public_id)


def _newest(object_type: str) -> str:
    """The id of the newest revision of this kind of object."""
    return str(Revision.objects.filter(object_type=object_type).latest("pk").pk)
