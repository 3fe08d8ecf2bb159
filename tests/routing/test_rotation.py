"""Rotating the keys that seal secrets: everything is sealed anew, beside whoever writes meanwhile."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections, models

from accounts.models import Revision
from config.asgi import Application
from config.lib import crypto, sealed_columns
from config.lib.crypto import SealingError, sealing_ring
from config.lib.environment import environment
from config.lib.scoping import tenant, unscoped
from config.system.stored_secrets import stored_secret_faults
from routing import byok, catalog
from routing.catalog_compiler import credential_identity
from routing.models import ByokCredential, Provider
from tests.cast import STAGE, Acme
from tests.routing.byok_secrets import PLAIN, SENTINEL
from tests.routing.waiting import until_somebody_waits

OLD = "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NEW = "new:" + base64.b64encode(b"n" * 32).decode()
pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Set HEADGATE_SEALING_KEYS."""

    def given(*entries: str) -> None:
        monkeypatch.setenv("HEADGATE_SEALING_KEYS", ",".join(entries))
        environment.cache_clear()

    yield given
    monkeypatch.undo()
    environment.cache_clear()


@pytest.fixture
def secrets(acme: Acme) -> tuple[ByokCredential, Provider]:
    """A secret of each kind, sealed with the old key."""
    with tenant(acme.organization.pk):
        credential = byok.create(
            organization=acme.organization, workspace=None, provider="openai", secret=PLAIN, by=STAGE
        )
    provider = catalog.create(row=Provider(slug="sealed", name="Sealed"), by=STAGE)
    catalog.set_credential(provider=provider, secret=PLAIN, by=STAGE)
    return credential, provider


def rotate(*arguments: str) -> tuple[int, str]:
    """Run the command: its exit status and what it printed."""
    printed, complaints = io.StringIO(), io.StringIO()
    try:
        call_command("rotate_secrets", *arguments, stdout=printed, stderr=complaints)
    except SystemExit as end:
        return int(end.code or 0), printed.getvalue() + complaints.getvalue()
    return 0, printed.getvalue()


def sealed_texts() -> list[str]:
    """Both secrets as they are stored."""
    with unscoped(reason="the test looks at all secrets"):
        credentials = ByokCredential.objects.values_list("sealed_secret", flat=True)
        providers = Provider.objects.exclude(sealed_credential="").values_list("sealed_credential", flat=True)
        return [*credentials, *providers]


class TestRotating:
    def test_seals_everything_with_the_first_key_and_says_so(self, secrets, keys):
        keys(NEW, OLD)

        status, text = rotate()

        assert status == 0
        assert "byok_credential.sealed_secret: 1 secrets, 1 sealed anew, 0 cannot be opened" in text
        assert "provider.sealed_credential: 1 secrets, 1 sealed anew" in text
        assert "other keys may leave the ring" in text
        assert [sealed.partition(".")[0] for sealed in sealed_texts()] == ["new", "new"]

    def test_keeps_the_secrets_when_the_old_key_is_gone(self, acme: Acme, secrets, keys):
        keys(NEW, OLD)
        rotate()
        keys(NEW)

        credential, provider = secrets
        with tenant(acme.organization.pk):
            credential.refresh_from_db()
        provider.refresh_from_db()

        ring = sealing_ring()
        assert ring.open(credential.sealed_secret, identity=credential.secret_identity).decode() == PLAIN
        assert ring.open(provider.sealed_credential, identity=credential_identity(provider)).decode() == PLAIN

    def test_changes_nothing_when_it_is_repeated(self, secrets, keys):
        keys(NEW, OLD)
        rotate()
        before = sealed_texts()

        status, text = rotate()

        assert (status, sealed_texts()) == (0, before)
        assert "1 secrets, 0 sealed anew" in text

    def test_goes_on_in_batches(self, acme: Acme, keys, monkeypatch):
        monkeypatch.setattr(sealed_columns, "BATCH", 2)
        with tenant(acme.organization.pk):
            for _ in range(5):
                byok.create(
                    organization=acme.organization, workspace=None, provider="groq", secret=PLAIN, by=STAGE
                )
        keys(NEW, OLD)

        assert "5 secrets, 5 sealed anew" in rotate()[1]

    def test_leaves_a_revision_that_says_why_and_no_secret(self, acme: Acme, secrets, keys):
        keys(NEW, OLD)
        rotate()

        with tenant(acme.organization.pk):
            revision = Revision.objects.filter(object_type="byokcredential").order_by("-pk").first()

        assert (revision.door, revision.reason) == ("shell", "sealed anew with key new")
        assert "sealed_secret" not in revision.after
        assert SENTINEL not in str(revision.after)

    def test_names_the_keys_that_are_still_in_use(self, acme: Acme, secrets, keys):
        with tenant(acme.organization.pk), connection.cursor() as cursor:
            cursor.execute("UPDATE byok_credential SET sealed_secret = 'test.AAAA'")
        keys(NEW, OLD)

        status, text = rotate()

        assert status == 1
        assert "1 secrets, 0 sealed anew, 1 cannot be opened" in text
        assert "Still in use: test (1 secrets)." in text

    def test_prints_no_secret(self, secrets, keys):
        keys(NEW, OLD)

        assert SENTINEL not in rotate()[1]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestRotatingBesideOthers:
    def test_waits_for_a_change_and_keeps_it(self, acme: Acme, secrets, keys):
        credential, _ = secrets
        keys(NEW, OLD)
        is_locked, may_commit = threading.Event(), threading.Event()

        def change() -> None:
            with tenant(acme.organization.pk):
                byok.change(credential=credential, secret=PLAIN + "-changed", by=STAGE)
                is_locked.set()
                may_commit.wait(30)
            connections.close_all()

        def rotate_meanwhile() -> None:
            rotate()
            connections.close_all()

        writer, rotation = threading.Thread(target=change), threading.Thread(target=rotate_meanwhile)
        writer.start()
        assert is_locked.wait(30)
        rotation.start()
        until_somebody_waits()
        may_commit.set()
        writer.join(30)
        rotation.join(30)

        with tenant(acme.organization.pk):
            row = ByokCredential.objects.get(pk=credential.pk)
        opened = sealing_ring().open(row.sealed_secret, identity=row.secret_identity)
        assert opened.decode() == PLAIN + "-changed"
        assert row.sealed_secret.startswith("new.")

    def test_loses_nothing_while_secrets_are_changed_all_the_time(self, acme: Acme, secrets, keys):
        credential, provider = secrets
        keys(NEW, OLD)
        failures: list[BaseException] = []

        def write(number: int) -> None:
            try:
                for step in range(6):
                    with tenant(acme.organization.pk):
                        byok.change(credential=credential, secret=f"{PLAIN}-{number}-{step}", by=STAGE)
                    catalog.set_credential(provider=provider, secret=f"{PLAIN}-{number}-{step}", by=STAGE)
            except BaseException as error:
                failures.append(error)
            finally:
                connections.close_all()

        def rotate_again_and_again() -> None:
            for entries in ((NEW, OLD), (OLD, NEW)) * 3:
                ring = crypto.KeyRing.parse(",".join(entries))
                for column in sealed_columns.sealed_columns():
                    sealed_columns.seal_anew(column, ring, reason="a test")
            connections.close_all()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
        threads.append(threading.Thread(target=rotate_again_and_again))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        provider.refresh_from_db()
        with tenant(acme.organization.pk):
            credential.refresh_from_db()
        ring = sealing_ring()
        assert failures == []
        assert ring.open(credential.sealed_secret, identity=credential.secret_identity).endswith(b"-5")
        assert ring.open(provider.sealed_credential, identity=credential_identity(provider)).endswith(b"-5")


class TestAKeyThatIsMissing:
    def test_is_named_by_the_check(self, secrets, keys):
        keys(NEW)

        faults = stored_secret_faults(using="default")

        assert {fault.id for fault in faults} == {"headgate.E020"}
        assert "1 secrets in byok_credential.sealed_secret need the sealing key 'test'" in str(faults[0])

    def test_is_not_missed_when_nothing_needs_it(self, acme: Acme, keys):
        keys(NEW)

        assert stored_secret_faults(using="default") == []

    def test_fails_rotation(self, secrets, keys):
        keys(NEW)

        status, text = rotate()

        assert (status, "Still in use: test (2 secrets)." in text) == (1, True)

    def test_opens_nothing(self, secrets, keys):
        keys(NEW)

        with pytest.raises(SealingError, match="'test' is not in the key ring"):
            sealing_ring().open(secrets[0].sealed_secret, identity=secrets[0].secret_identity)

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    @pytest.mark.parametrize("options", [{"deploy": True}, {"databases": ["owner"]}])
    def test_fails_the_checks(self, secrets, keys, options):
        keys(NEW)

        with pytest.raises((SystemCheckError, CommandError), match=r"headgate\.E020"):
            call_command("check", **options)

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    @pytest.mark.parametrize("plane", ["control", "gateway", "all"])
    async def test_refuses_the_start_and_names_it(self, secrets, keys, plane, monkeypatch):
        monkeypatch.setenv("HEADGATE_PLANE", plane)
        keys(NEW)
        sent: list[dict] = []

        async def receive() -> dict:
            return {"type": "lifespan.startup"}

        async def send(message) -> None:
            sent.append(message)

        await Application(environment())({"type": "lifespan"}, receive, send)

        assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
        assert "'test'" in sent[0]["message"]

    def test_may_be_given_up_with_what_it_sealed(self, acme: Acme, secrets, keys):
        keys(NEW)

        status, text = rotate("--discard", "test")

        assert status == 0
        assert "byok_credential.sealed_secret: 1 secrets wiped" in text
        assert sealed_texts() == [""]
        assert stored_secret_faults(using="default") == []

    @pytest.mark.parametrize("key_id", ["test", "new", "%", ""])
    def test_that_is_not_missing_is_not_given_up(self, secrets, keys, key_id):
        keys(NEW, OLD)

        assert rotate("--discard", key_id)[0] == 2
        assert len(sealed_texts()) == 2
        assert "" not in sealed_texts()


class TestAColumnOfSealedText:
    def test_is_known_to_rotation(self):
        named = {
            f"{model._meta.db_table}.{column.attname}"
            for model in apps.get_models()
            for column in model._meta.concrete_fields
            if column.attname.startswith("sealed") and isinstance(column, models.TextField)
        }

        registered = sealed_columns.sealed_columns()
        # Answers kept for repeated requests are sealed with keys that nobody here has; what was said is too much to
        # be sealed anew, and goes with its retention (docs/operations.md).
        assert named - {"idempotent_answer.sealed_body", "generation_content.sealed"} == {
            column.name for column in registered if not column.member
        }


class TestAnIdOfAKey:
    @pytest.mark.parametrize("identifier", ["a.b", "a b", "", "ä", "a" * 41])
    def test_is_one_that_a_ciphertext_can_name(self, identifier):
        with pytest.raises(SealingError):
            crypto.KeyRing.parse(f"{identifier}:{base64.b64encode(b'x' * 32).decode()}")
