"""An application gets its key through a real browser: the redirect after the form, the code on the screen, no frame."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.people import vouch_for_address
from tests.browser.test_smoke import CHROMIUM, DESK, PASSWORD, PHONE, chromium, fast_passwords
from tests.cast import Acme

__all__ = ["fast_passwords"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]

VERIFIER = "a verifier that only the application knows"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


class Application:
    """A program with a callback of its own: it notes what comes, and sends the browser on to another address."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        application = self

        class Callback(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                application.visited.append(self.path)
                if self.path.startswith("/callback"):
                    self.send_response(302)
                    self.send_header("Location", f"http://localhost:{application.port}/done")
                else:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<p>Connected</p>")

            def log_message(self, *words: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Callback)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def callback(self) -> str:
        """Where it wants the code."""
        return f"http://127.0.0.1:{self.port}/callback?state=7"

    @property
    def code(self) -> str:
        """What it was given."""
        (path,) = [path for path in self.visited if path.startswith("/callback")]
        return parse_qs(urlsplit(path).query)["code"][0]

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def application() -> Iterator[Application]:
    """An application that wants a key."""
    application = Application()
    yield application
    application.stop()


@pytest.fixture
def stage(acme: Acme, fast_passwords: None, live_server: LiveServer) -> LiveServer:
    """Headgate, served, with a password for bob."""
    bob = acme.bob.user
    bob.set_password(PASSWORD)
    bob.save()
    vouch_for_address(bob)
    return live_server


def sign_in(page: Page) -> None:
    """Come through the door that stands before the consent."""
    page.get_by_label("Email").fill("bob@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def exchange(stage: LiveServer, code: str) -> str:
    """The key that the application gets for the code."""
    body = json.dumps({"code": code, "code_verifier": VERIFIER, "code_challenge_method": "S256"}).encode()
    request = urllib.request.Request(  # our own server
        f"{stage.url}/api/v1/auth/keys", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["key"])


class TestTheWayOfAnApplication:
    def test_leads_through_the_door_and_the_consent_to_its_callback(
        self, stage: LiveServer, application: Application
    ) -> None:
        with chromium() as browser:
            page = browser.new_context(base_url=stage.url, viewport=PHONE).new_page()
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            query = urlencode({"callback_url": application.callback, "limit": "5", **PKCE})
            page.goto(f"/auth?{query}")
            sign_in(page)
            expect(page.get_by_role("heading", level=1)).to_contain_text(f"127.0.0.1:{application.port}")
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            page.get_by_label("Workspace").select_option(label="Production")
            page.get_by_role("button", name="Allow", exact=True).click()
            expect(page.get_by_text("Connected")).to_be_visible()
            arrived = page.url

        assert complaints == []
        assert overflow <= 0
        assert arrived == f"http://localhost:{application.port}/done"
        assert any("state=7&code=auth_code_" in path for path in application.visited)
        assert exchange(stage, application.code).startswith("sk-hg-v1-")

    def test_without_a_callback_ends_on_the_screen(self, stage: LiveServer) -> None:
        with chromium() as browser:
            page = browser.new_context(base_url=stage.url, viewport=DESK).new_page()
            page.goto(f"/auth?{urlencode({'key_label': 'ssh box', **PKCE})}")
            sign_in(page)
            page.get_by_role("button", name="Allow", exact=True).click()
            code = page.locator("#code").inner_text()

        assert exchange(stage, code).startswith("sk-hg-v1-")

    def test_is_not_walked_in_a_frame(self, stage: LiveServer, application: Application) -> None:
        with chromium() as browser:
            page = browser.new_context(base_url=stage.url).new_page()
            address = f"/auth?{urlencode({'callback_url': application.callback})}"
            page.goto(address)
            sign_in(page)
            page.goto(f"http://127.0.0.1:{application.port}/attack")
            with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
                page.set_content(f'<iframe src="{stage.url}{address}"></iframe>')
            shown = page.frame_locator("iframe").get_by_role("button", name="Allow").count()

        assert shown == 0
