"""The cast of SPEC §1, made by the domain functions: alice administers acme, bob and carol are its members, mallory
administers globex."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.management_keys import IssuedManagementKey
from accounts.management_keys import issue as issue_management_key
from accounts.models import Membership, Organization, User
from accounts.organizations import add_member, found
from accounts.revisions import Actor
from config.lib.scoping import tenant
from workspaces import members
from workspaces.api_keys import IssuedKey, issue
from workspaces.models import Workspace
from workspaces.workspaces import create

STAGE = Actor(door="shell", reason="the cast of the tests")


@dataclass(frozen=True)
class Acme:
    """Workspaces `default` (everybody), `production` (bob) and `research` (carol); alice administers it."""

    organization: Organization
    default: Workspace
    production: Workspace
    research: Workspace
    alice: Membership
    bob: Membership
    carol: Membership
    management_key: IssuedManagementKey
    alice_key: IssuedKey
    """alice's own, in the Default workspace."""
    bob_key: IssuedKey
    """bob's own, in production."""
    carol_key: IssuedKey
    """carol's own, in research."""
    default_key: IssuedKey
    production_key: IssuedKey
    research_key: IssuedKey
    """The last three are system keys of their workspaces."""


@dataclass(frozen=True)
class Globex:
    """Another tenant, with a Default workspace only; mallory administers it."""

    organization: Organization
    default: Workspace
    mallory: Membership
    management_key: IssuedManagementKey
    mallory_key: IssuedKey
    default_key: IssuedKey


@dataclass(frozen=True)
class Cast:
    """Everybody. Nobody has a password; nobody has credits."""

    acme: Acme
    globex: Globex


def assemble() -> Cast:
    """Put the cast on the stage; leaves no scope behind."""
    return Cast(acme=make_acme(), globex=make_globex())


def make_acme() -> Acme:
    """The organization that the tests are about."""
    organization = _found("acme", _user("alice@acme.example"))
    with tenant(organization.pk):
        bob = _join(organization, "bob@acme.example")
        carol = _join(organization, "carol@acme.example")
        default = default_workspace(organization)
        production = _workspace(organization, "production", bob)
        research = _workspace(organization, "research", carol)
        alice = Membership.objects.for_organization(organization).select_related("user").get(role="admin")
        return Acme(
            organization=organization,
            default=default,
            production=production,
            research=research,
            alice=alice,
            bob=bob,
            carol=carol,
            management_key=issue_management_key(organization=organization, name="acme management", by=STAGE),
            alice_key=issue(workspace=default, name="alice's key", owner=alice, by=acting(alice)),
            bob_key=issue(workspace=production, name="bob's key", owner=bob, by=acting(bob)),
            carol_key=issue(workspace=research, name="carol's key", owner=carol, by=acting(carol)),
            default_key=issue(workspace=default, name="default system key", by=acting(alice)),
            production_key=issue(workspace=production, name="production system key", by=acting(alice)),
            research_key=issue(workspace=research, name="research system key", by=acting(alice)),
        )


def make_globex() -> Globex:
    """The organization that must never see, count or guess anything of acme's."""
    organization = _found("globex", _user("mallory@globex.example"))
    with tenant(organization.pk):
        default = default_workspace(organization)
        mallory = Membership.objects.for_organization(organization).select_related("user").get(role="admin")
        return Globex(
            organization=organization,
            default=default,
            mallory=mallory,
            management_key=issue_management_key(
                organization=organization, name="globex management", by=STAGE
            ),
            mallory_key=issue(workspace=default, name="mallory's key", owner=mallory, by=acting(mallory)),
            default_key=issue(workspace=default, name="globex system key", by=acting(mallory)),
        )


def acting(membership: Membership) -> Actor:
    """A member as the one who changes something, at the shell."""
    return Actor(door="shell", user=membership.user)


def default_workspace(organization: Organization) -> Workspace:
    """The Default workspace that came with the organization."""
    workspace: Workspace = Workspace.objects.for_organization(organization).live().get(is_default=True)
    return workspace


def _user(email: str) -> User:
    return User.objects.create_user(email, None, name=email.partition("@")[0].capitalize())


def _found(slug: str, administrator: User) -> Organization:
    return found(
        name=slug.capitalize(), slug=slug, kind=Organization.TEAM, administrator=administrator, by=STAGE
    )


def _join(organization: Organization, email: str) -> Membership:
    return add_member(organization=organization, user=_user(email), role=Membership.MEMBER, by=STAGE)


def _workspace(organization: Organization, slug: str, member: Membership) -> Workspace:
    workspace = create(organization=organization, name=slug.capitalize(), slug=slug, by=STAGE)
    members.add(workspace=workspace, membership=member, by=STAGE)
    return workspace
