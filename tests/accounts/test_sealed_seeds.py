"""Second factors survive the rotation of the keys that seal them, and are missed by the check of the start."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import call_command

from accounts.models import Revision
from config.lib.environment import environment
from config.lib.scoping import unscoped
from config.system.stored_secrets import stored_secret_faults
from tests.cast import Acme

OLD = "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NEW = "new:" + base64.b64encode(b"n" * 32).decode()
SEEDS = ("secret", "seed")
pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set HEADGATE_SEALING_KEYS."""

    def given(*entries: str) -> None:
        monkeypatch.setenv("HEADGATE_SEALING_KEYS", ",".join(entries))
        environment.cache_clear()

    yield given
    monkeypatch.undo()
    environment.cache_clear()


@pytest.fixture
def factors(acme: Acme) -> tuple[str, list[str]]:
    """What alice's app knows, and her recovery codes; both sealed with the old key."""
    secret = generate_totp_secret()
    TOTP.activate(acme.alice.user, secret)
    return secret, RecoveryCodes.activate(acme.alice.user).get_unused_codes()


def rotate(*arguments: str) -> tuple[int, str]:
    """Run the command: its exit status and what it printed."""
    printed = io.StringIO()
    try:
        call_command("rotate_secrets", *arguments, stdout=printed, stderr=printed)
    except SystemExit as end:
        return int(end.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def seeds() -> dict[str, str]:
    """The sealed seeds as they are stored."""
    rows = Authenticator.objects.order_by("pk")
    return {name: row.data[name] for row in rows for name in SEEDS if name in row.data}


class TestRotating:
    def test_seals_the_seeds_of_both_factors_with_the_first_key(self, factors, keys):
        keys(NEW, OLD)

        status, text = rotate()

        assert status == 0
        assert "mfa_authenticator.data.secret: 1 secrets, 1 sealed anew, 0 cannot be opened" in text
        assert "mfa_authenticator.data.seed: 1 secrets, 1 sealed anew, 0 cannot be opened" in text
        assert {name: sealed.partition(".")[0] for name, sealed in seeds().items()} == {
            "secret": "new",
            "seed": "new",
        }

    def test_keeps_what_they_open_when_the_old_key_is_gone(self, factors, acme: Acme, keys):
        keys(NEW, OLD)
        rotate()
        keys(NEW)

        by_type = {row.type: row for row in Authenticator.objects.filter(user=acme.alice.user)}

        assert RecoveryCodes(by_type["recovery_codes"]).get_unused_codes() == factors[1]
        assert by_type["recovery_codes"].data["used_mask"] == 0
        assert stored_secret_faults(using="default") == []

    def test_says_whose_factor_it_was_and_no_secret(self, factors, acme: Acme, keys):
        keys(NEW, OLD)
        rotate()

        with unscoped(reason="a user belongs to no organization"):
            made = Revision.objects.filter(
                object_type="user", object_id=str(acme.alice.user.pk), door="shell"
            )
            said = list(made.filter(reason="sealed anew with key new").order_by("pk"))

        assert {revision.after["second_factor"] for revision in said} == {"totp", "recovery_codes"}
        assert not any(factors[0] in str(revision.after) for revision in said)

    def test_changes_nothing_when_it_is_repeated(self, factors, keys):
        keys(NEW, OLD)
        rotate()
        before = seeds()

        assert rotate()[0] == 0
        assert seeds() == before


class TestAKeyThatIsMissing:
    def test_is_named_by_the_check(self, factors, keys):
        keys(NEW)

        faults = [str(fault) for fault in stored_secret_faults(using="default")]

        assert any(
            "1 secrets in mfa_authenticator.data.secret need the sealing key 'test'" in f for f in faults
        )
        assert any(
            "1 secrets in mfa_authenticator.data.seed need the sealing key 'test'" in f for f in faults
        )

    def test_fails_rotation(self, factors, keys):
        keys(NEW)

        status, text = rotate()

        assert (status, "Still in use: test (2 secrets)." in text) == (1, True)

    def test_may_be_given_up_which_leaves_the_factors_on(self, factors, acme: Acme, keys):
        keys(NEW)

        assert rotate("--discard", "test")[0] == 0

        assert seeds() == {"secret": "", "seed": ""}
        assert stored_secret_faults(using="default") == []
