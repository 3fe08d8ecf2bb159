"""No secret has a usable default, and nonsense in the environment stops the start, by id."""

import base64
import re

import pytest

from config.lib.environment import ROOT, Environment
from config.system import checks

GOOD = {
    "HEADGATE_SECRET_KEY": "k" * 60,
    "HEADGATE_SEALING_KEYS": "a:" + base64.b64encode(b"x" * 32).decode(),
    "DATABASE_URL": "postgres://headgate_app@/headgate",
    "HEADGATE_OWNER_DATABASE_URL": "postgres://headgate_owner@/headgate",
    "HEADGATE_ALLOWED_HOSTS": "headgate.example.com",
    "HEADGATE_BASE_URL": "https://headgate.example.com",
}


def faults_of(monkeypatch, **changes):
    for name in Environment.model_fields.values():
        monkeypatch.delenv(name.alias, raising=False)
    for name, value in (GOOD | changes).items():
        monkeypatch.setenv(name, value)
    checks.environment.cache_clear()
    try:
        return {fault.id for fault in checks.check_environment()}
    finally:
        monkeypatch.undo()
        checks.environment.cache_clear()


class TestTheEnvironment:
    def test_that_is_whole_passes(self, monkeypatch):
        assert faults_of(monkeypatch) == set()

    @pytest.mark.parametrize(
        ("name", "value", "identifier"),
        [
            ("HEADGATE_SECRET_KEY", "", "headgate.E001"),
            ("HEADGATE_SECRET_KEY", "short", "headgate.E001"),
            ("HEADGATE_SEALING_KEYS", "", "headgate.E002"),
            ("HEADGATE_SEALING_KEYS", "a:bm90MzI=", "headgate.E002"),
            ("DATABASE_URL", "", "headgate.E003"),
            ("HEADGATE_OWNER_DATABASE_URL", "mysql://x", "headgate.E003"),
            ("HEADGATE_OWNER_DATABASE_URL", GOOD["DATABASE_URL"], "headgate.E004"),
            ("HEADGATE_ALLOWED_HOSTS", "", "headgate.E005"),
            ("HEADGATE_BASE_URL", "headgate.example.com", "headgate.E006"),
            ("HEADGATE_CHAT_URL", "https://gateway.example.com/api/v1", "headgate.E006"),
            ("HEADGATE_EMAIL_URL", "mail.example.com", "headgate.E007"),
            ("HEADGATE_EMAIL_URL", "anymail:postmark", "headgate.E007"),
            ("HEADGATE_STRIPE_SECRET_KEY", "sk_live_1", "headgate.E022"),
            ("HEADGATE_STRIPE_WEBHOOK_SECRET", "whsec_1", "headgate.E022"),
            ("HEADGATE_STRIPE_URL", "api.stripe.com", "headgate.E022"),
            ("HEADGATE_GOOGLE_TOKEN_URL", "oauth2.googleapis.com", "headgate.E025"),
            ("HEADGATE_PURCHASE_MIN_USD", "10001", "headgate.E021"),
            ("HEADGATE_METRICS_LISTEN", "9464", "headgate.E026"),
            ("HEADGATE_METRICS_LISTEN", "metrics.internal:9464", "headgate.E026"),
            ("HEADGATE_METRICS_TOKEN", "guess me", "headgate.E027"),
            ("HEADGATE_SEARXNG_URL", "searxng:8080", "headgate.E024"),
            ("HEADGATE_MODERATION_URL", "http://[", "headgate.E024"),
        ],
    )
    def test_that_is_nonsense_is_refused_by_name(self, monkeypatch, name, value, identifier):
        assert faults_of(monkeypatch, **{name: value}) == {identifier}

    def test_is_listed_for_operators(self):
        listed = (ROOT / ".env.example").read_text()

        assert [field.alias for field in Environment.model_fields.values() if field.alias not in listed] == []

    def test_is_listed_with_its_defaults(self, monkeypatch):
        for field in Environment.model_fields.values():
            monkeypatch.delenv(field.alias, raising=False)
        shown = re.findall(r"^# ([A-Z_]+)=(\S*)", (ROOT / ".env.example").read_text(), re.MULTILINE)
        assumed, said = Environment().model_dump(by_alias=True), Environment(**dict(shown))

        told = said.model_dump(by_alias=True) | {
            "HEADGATE_DATA_DIR": ROOT / said.data_dir,
            "HEADGATE_JOURNAL_DIR": None,  # what is shown follows from the data's folder
            "HEADGATE_BROKER_URL": "",  # an example: there is no default that production could use
        }

        assert {name: told[name] for name, _ in shown} == {name: assumed[name] for name, _ in shown}
