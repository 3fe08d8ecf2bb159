"""From an invitation to a second factor, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.invitations import invite
from accounts.models import NotificationDelivery
from accounts.notifications import channels, rules
from accounts.notifications.reporting import report
from config.lib.scoping import tenant
from tests.browser.test_smoke import (
    CHROMIUM,
    CONTRASTS,
    DESK,
    LEAST_CONTRAST,
    PASSWORD,
    PHONE,
    chromium,
    fast_passwords,
    signed_in,
    stage,
)
from tests.cast import STAGE, Acme

__all__ = ["fast_passwords", "stage"]

DORA = "dora@acme.example"
FAILING = "destination_failing"

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


@contextmanager
def newcomer(browser: Browser, server: LiveServer) -> Iterator[Page]:
    """A page of somebody who was never here; whatever it complains about fails the test."""
    complaints: list[str] = []
    page = browser.new_context(base_url=server.url, viewport=PHONE).new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def link_in_mail() -> str:
    """The path of the link in the newest mail."""
    [address] = re.findall(r"https?://\S+", str(mail.outbox[-1].body))
    return urlsplit(address).path


def code_of(secret: str) -> str:
    """What an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def sign_in(page: Page) -> None:
    """Address and password."""
    page.get_by_label("Email").fill(DORA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


class TestTheWalkOfSomebodyInvited:
    def test_leads_from_the_mail_to_a_second_factor_and_between_organizations(
        self, acme: Acme, stage: LiveServer, settings: Settings
    ) -> None:
        settings.MFA_TOTP_TOLERANCE = 1  # a browser may take longer than what is left of a code's period
        with tenant(acme.organization.pk):
            invite(
                organization=acme.organization,
                email=DORA,
                role="member",
                workspaces=["production"],
                by=STAGE,
            )
        with chromium() as browser, newcomer(browser, stage) as page:
            # From the mail to an account; the link proves the address.
            page.goto(link_in_mail())
            expect(page.get_by_role("heading", name="Join Acme")).to_be_visible()
            assert "/invitations/" not in page.url
            page.get_by_role("link", name="Create an account").click()
            expect(page.get_by_label("Email")).to_have_value(DORA)
            page.get_by_label("Name").fill("Dora")
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_label("Password (again)").fill(PASSWORD)
            page.get_by_role("button", name="Create it").click()
            page.wait_for_url("**/o/acme/w/default/")

            # A second factor.
            page.get_by_label("Account:").click()
            page.get_by_role("link", name="Your settings").click()
            page.get_by_role("link", name="Two-factor").click()
            page.get_by_role("link", name="Set it up").click()
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Go on").click()
            secret = page.locator("#authenticator_secret").inner_text()
            page.get_by_label("Authenticator code").fill(code_of(secret))
            page.get_by_role("button", name="Turn it on").click()
            expect(page.locator("#recovery_codes span")).to_have_count(10)

            # Out, and in again with the code.
            page.get_by_role("button", name="Sign out").click()
            sign_in(page)
            expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
            page.goto("/o/acme/")
            expect(page.get_by_role("heading", name="Acme")).to_have_count(0)
            page.goto("/accounts/login/")
            page.get_by_label("Code").fill(code_of(secret))
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/o/acme/w/default/")

            # To the organization that everybody has for himself.
            page.get_by_label("Organization: Acme").click()
            page.locator(".menu-panel").get_by_role("link", name="Dora").click()
            page.wait_for_url("**/o/dora-*/w/default/")


def be_notified(acme: Acme) -> None:
    """Channels in each state, and something that was told."""
    organization, to = acme.organization, {"to": ["ops@acme.example"]}
    for name in ("Ops", "On call", "Nobody"):
        channel = channels.create(
            organization=organization, kind="email", name=name, config=to, by=STAGE
        ).channel
        if name == "Ops":
            rules.change(organization=organization, kind=FAILING, channels=[channel.public_id], by=STAGE)
        if name == "Nobody":
            channels.switch(channel=channel, is_disabled=True, by=STAGE, reason="The receiver answered 404.")
    facts = {"name": "Traces with a long name, as names of destinations sometimes are"}
    report(organization_id=organization.pk, kind=FAILING, subject="destination:7", facts=facts)
    NotificationDelivery.objects.filter(channel=None).update(
        status="dead", error="The mail could not be sent."
    )
    NotificationDelivery.objects.exclude(channel=None).update(
        status="delivered", attempts=1, delivered_at=timezone.now()
    )


@pytest.mark.browser
class TestPagesOfAccounts:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
    def test_are_readable_and_as_wide_as_the_screen(
        self, scheme: str, viewport: dict[str, int], acme: Acme, stage: LiveServer
    ) -> None:
        with tenant(acme.organization.pk):
            invite(organization=acme.organization, email=DORA, role="member", by=STAGE)
            be_notified(acme)
        faults: list[object] = []
        with signed_in(stage, viewport=viewport, color_scheme=scheme) as page:
            for path in PAGES:
                page.goto(path)
                faults += [(path, *pair) for pair in page.evaluate(CONTRASTS) if pair[0] < LEAST_CONTRAST]
                overflow: Any = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                faults += [(path, "wider than the screen by", overflow)] if overflow > 0 else []

        assert faults == []


PAGES = [
    "/o/acme/members",
    "/o/acme/members/invite",
    "/o/acme/workspaces",
    "/o/acme/workspaces/new",
    "/o/acme/management-keys",
    "/o/acme/notifications",
    "/o/acme/notifications/rules/workspace_budget",
    "/o/acme/notifications/channels/new/webhook",
    "/o/acme/management-keys/new",
    "/o/acme/settings",
    "/o/acme/leave",
    "/organizations/new",
    "/settings",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/sessions/",
]
