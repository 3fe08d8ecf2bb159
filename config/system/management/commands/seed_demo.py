"""`manage.py seed_demo FILE`: the cast of acme and globex, and a file that says how to play it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.credits import deposit
from accounts.management_keys import issue as issue_management_key
from accounts.models import LedgerEntry, Membership, Organization, User
from accounts.organizations import add_member, found
from accounts.people import vouch_for_address
from accounts.revisions import Actor
from config.lib.environment import environment
from config.lib.money import NANO_PER_USD
from config.lib.scoping import tenant, unscoped
from routing.policies import load_catalog
from workspaces import members
from workspaces.api_keys import issue
from workspaces.models import Workspace
from workspaces.workspaces import create

DEMO_CREDITS_USD = 1_000
BY = Actor(door="shell", reason="demonstration data")
PEOPLE = {
    "alice": ("acme", Membership.ADMIN),
    "bob": ("acme", Membership.MEMBER),
    "carol": ("acme", Membership.MEMBER),
    "mallory": ("globex", Membership.ADMIN),
}
WORKSPACES = {"acme": {"production": "bob", "research": "carol"}, "globex": {}}


class Command(BaseCommand):
    """Seeds what is missing and leaves the rest alone; secrets that were made earlier are read back from FILE."""

    help = "Seed the demonstration organizations and write FILE (demo.json)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        known = json.loads(file.read_text()) if file.exists() else {}
        facts = Demo(known).seed()
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
        temporary.chmod(0o600)
        temporary.replace(file)
        self.stdout.write(json.dumps({"demo": str(file)}))


class Demo:
    """The cast; `known` is what an earlier run wrote, because secrets are kept nowhere else."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.passwords = {user["email"]: user["password"] for user in known.get("users", [])}
        self.organizations: dict[str, Any] = known.get("organizations", {})

    def seed(self) -> dict[str, Any]:
        """Create what is missing and say how to use all of it."""
        users = {name: self._user(name) for name in PEOPLE}
        organizations = {slug: self._organization(slug, users) for slug in WORKSPACES}
        base = environment().base_url.rstrip("/")
        return {
            "base_url": f"{base}/api/v1",
            "dashboard_url": base,
            "users": [self._describe(user, *PEOPLE[name]) for name, user in users.items()],
            "organizations": {slug: self._play(row) for slug, row in organizations.items()},
            "models": sorted(load_catalog().models),
        }

    def _user(self, name: str) -> User:
        email = f"{name}@{PEOPLE[name][0]}.example"
        user = User.objects.filter(email=email).first()
        if user is not None and email in self.passwords:
            return user
        self.passwords[email] = secrets.token_urlsafe(12)
        if user is None:
            user = User.objects.create_user(email, self.passwords[email], name=name.capitalize())
            vouch_for_address(user)
            return user
        user.set_password(self.passwords[email])
        user.save(update_fields=["password"])
        return user

    def _describe(self, user: User, slug: str, role: str) -> dict[str, str]:
        return {
            "email": user.email,
            "password": self.passwords[user.email],
            "role": role,
            "organization": slug,
        }

    def _organization(self, slug: str, users: dict[str, User]) -> Organization:
        with unscoped(reason="seeding looks for organizations by slug"):
            organization: Organization | None = Organization.objects.filter(slug=slug).first()
        administrator = next(
            users[name] for name, (home, role) in PEOPLE.items() if (home, role) == (slug, "admin")
        )
        if organization is None:
            organization = found(
                name=slug.capitalize(), slug=slug, kind=Organization.TEAM, administrator=administrator, by=BY
            )
            with tenant(organization.pk):
                deposit(
                    organization=organization,
                    kind=LedgerEntry.PURCHASE,
                    amount_nano=DEMO_CREDITS_USD * NANO_PER_USD,
                    description="Demonstration credits",
                    by=BY,
                )
        with tenant(organization.pk):
            self._people(organization, users)
        return organization

    def _people(self, organization: Organization, users: dict[str, User]) -> None:
        for name, (slug, role) in PEOPLE.items():
            memberships = Membership.objects.for_organization(organization).filter(user=users[name])
            if slug == organization.slug and not memberships.exists():
                add_member(organization=organization, user=users[name], role=role, by=BY)
        for slug, member in WORKSPACES[organization.slug].items():
            existing = Workspace.objects.for_organization(organization).live().filter(slug=slug).first()
            workspace = existing or create(
                organization=organization, name=slug.capitalize(), slug=slug, by=BY
            )
            membership = Membership.objects.for_organization(organization).get(user=users[member])
            members.add(workspace=workspace, membership=membership, by=BY)

    def _play(self, organization: Organization) -> dict[str, Any]:
        known = self.organizations.get(organization.slug, {})
        keys = {row["slug"]: row["api_key"] for row in known.get("workspaces", [])}
        with tenant(organization.pk):
            management_key = (
                known.get("management_key")
                or issue_management_key(organization=organization, name="Demonstration", by=BY).secret
            )
            workspaces = Workspace.objects.for_organization(organization).live().order_by("-is_default", "pk")
            return {
                "management_key": management_key,
                "workspaces": [
                    {
                        "slug": workspace.slug,
                        "id": str(workspace.public_id),
                        "api_key": keys.get(workspace.slug)
                        or issue(workspace=workspace, name="Demonstration", by=BY).secret,
                    }
                    for workspace in workspaces
                ],
            }
