"""One object of each kind that the API's addresses and bodies name, in any organization, or in none."""

from __future__ import annotations

import uuid
from typing import TypeAlias

from accounts.models import Membership, Organization
from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from tests.cast import STAGE
from workspaces.api_keys import issue
from workspaces.external_users import register
from workspaces.rotation import rotate
from workspaces.workspaces import create

World: TypeAlias = dict[str, str]
"""By the placeholder that the table of operations has for it: how an address or body names the object."""


def furnish(organization: Organization, administrator: Membership) -> World:
    """Make an object of each kind in an organization."""
    with tenant(organization.pk):
        workspace = create(organization=organization, name="Furnished", slug="furnished", by=STAGE)
        empty = create(organization=organization, name="Empty one", slug="empty-one", by=STAGE)
        key = issue(workspace=workspace, name="furniture", owner=administrator, by=STAGE).key
        former, key = key.hash, rotate(key=key, by=STAGE).key
        customer = register(organization=organization, identifier=f"customer-{workspace.pk}", by=STAGE)
    return {
        "{production}": str(workspace.public_id),
        "{empty}": str(empty.public_id),
        "{alice}": administrator.user.public_id,
        "{bob}": administrator.user.public_id,
        "{carol}": administrator.user.public_id,
        "{bob_key}": key.hash,
        "{former}": former,
        "{customer}": customer.identifier,
        "{generation}": generation_id(uuid7()),
    }


def unknown_world() -> World:
    """Names that look right and are nobody's."""
    return {
        "{production}": str(uuid.uuid4()),
        "{empty}": str(uuid.uuid4()),
        "{alice}": "user_999999999",
        "{bob}": "user_999999998",
        "{carol}": "user_999999997",
        "{bob_key}": "0" * 64,
        "{former}": "1" * 64,
        "{customer}": "customer-0",
        "{generation}": generation_id(uuid7()),
    }
