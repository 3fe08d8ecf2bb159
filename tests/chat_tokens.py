"""How tests get a token of the chat room: through the page's own address, from a session of somebody's own."""

from __future__ import annotations

from django.test import Client

from accounts.models import Membership
from workspaces.models import Workspace

ORIGIN = "http://testserver"


def signed_in(member: Membership) -> Client:
    """A browser that somebody has signed in with."""
    browser = Client()
    browser.force_login(member.user)
    return browser


def token_of(browser: Client, workspace: Workspace, organization: str = "acme") -> str:
    """A token for a workspace."""
    answer = browser.post(
        f"/o/{organization}/chat/token", {"workspace": workspace.slug}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 200, answer.content
    token: str = answer.json()["token"]
    return token
