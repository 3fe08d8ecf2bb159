"""`manage.py first_start`: an administrator, an organization and the first keys, once."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.credits import deposit
from accounts.management_keys import issue as issue_management_key
from accounts.models import LedgerEntry, Organization, User
from accounts.organizations import found
from accounts.people import vouch_for_address
from accounts.revisions import Actor
from config.lib.environment import environment
from config.lib.money import NANO_PER_USD
from config.lib.scoping import tenant, unscoped
from routing import catalog
from workspaces.api_keys import issue
from workspaces.models import Workspace

FIRST_CREDITS_USD = 10


class Command(BaseCommand):
    """Prints JSON: on the first start the new address, password and keys; later only what is there."""

    help = "Create the first administrator, organization and keys; later, say what is there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="admin@example.com")
        parser.add_argument("--name", default="First organization")
        parser.add_argument("--slug", default="first")

    def handle(self, *args: Any, **options: Any) -> None:
        catalog.seed()
        with unscoped(reason="the first start looks whether anybody is there"):
            administrator = User.objects.filter(is_superuser=True).order_by("pk").first()
            organization = Organization.objects.live().order_by("pk").first()
        if administrator is None or organization is None:
            facts = create_first(email=options["email"], name=options["name"], slug=options["slug"])
        else:
            facts = {"is_first": False, "email": administrator.email, "organization": organization.slug}
        self.stdout.write(json.dumps(facts))


def create_first(*, email: str, name: str, slug: str) -> dict[str, Any]:
    """Create administrator, organization, credits and keys; the secrets are in the answer and nowhere else."""
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(email, password, name="Administrator")
    vouch_for_address(user)
    by = Actor(door="shell", user=user, reason="first start")
    organization = found(name=name, slug=slug, kind=Organization.TEAM, administrator=user, by=by)
    with tenant(organization.pk):
        workspace = Workspace.objects.for_organization(organization).get(is_default=True)
        if environment().simulator_url:
            deposit(
                organization=organization,
                kind=LedgerEntry.ADJUSTMENT,
                amount_nano=FIRST_CREDITS_USD * NANO_PER_USD,
                description="Credits to try Headgate with",
                by=by,
            )
        management = issue_management_key(organization=organization, name="First management key", by=by)
        inference = issue(workspace=workspace, name="First key", by=by)
    return {
        "is_first": True,
        "email": email,
        "password": password,
        "organization": slug,
        "management_key": management.secret,
        "api_key": inference.secret,
    }
