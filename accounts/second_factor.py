"""How the second factor is kept and checked: its secrets are sealed, and a code opens one door."""

from __future__ import annotations

import logging

from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from django.utils import timezone

from accounts.people import record_resealed_factor
from config.lib.crypto import SealingError, sealing_ring
from config.lib.sealed_columns import SealedColumn, register

IDENTITY = "mfa_authenticator"
SEALED_MEMBERS = ("secret", "seed")
"""What allauth has sealed in an authenticator's data: an app's seed, and the one that recovery codes come from."""

log = logging.getLogger(__name__)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is untyped
    """Seals the seeds of authenticators and recovery codes; allauth does not say whose, so they share an identity."""

    def encrypt(self, text: str) -> str:
        return sealing_ring().seal(text.encode(), identity=IDENTITY)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing_ring().open(encrypted_text, identity=IDENTITY).decode()


class UsedOnce:
    """Refuses the code that an app shows once it was used, whichever process took it (RFC 6238 §5.2).

    allauth remembers used codes in a cache that processes do not share. As an app shows one code per period and no
    other period's is taken, the time of the last use says as much. Locked, so that two requests at once are two.
    """

    def clean_code(self) -> str:
        """The code, if it is right and new."""
        mine = Authenticator.objects.select_for_update().filter(user=self.user)  # type: ignore[attr-defined]
        last_uses = {row.pk: row.last_used_at for row in mine}
        try:
            code: str = super().clean_code()  # type: ignore[misc]  # the form's
        except SealingError as error:
            # Nobody gets in by it: without the seed no code is the right one.
            log.error("the second factor of user %s cannot be opened: %s", self.user.pk, error)  # type: ignore[attr-defined]
            raise SecondFactorAdapter().validation_error("incorrect_code") from error
        found: Authenticator = self.authenticator  # type: ignore[attr-defined]
        last_use = last_uses[found.pk]
        if found.type == Authenticator.Type.TOTP and last_use is not None:
            period = app_settings.TOTP_PERIOD
            if last_use.timestamp() // period == timezone.now().timestamp() // period:
                raise SecondFactorAdapter().validation_error("incorrect_code")
        return code


class CodeForm(UsedOnce, AuthenticateForm):  # type: ignore[misc]  # allauth is untyped
    """The code that is asked for at the sign-in."""


class RepeatedCodeForm(UsedOnce, ReauthenticateForm):  # type: ignore[misc]  # allauth is untyped
    """The code that is asked for before something sensitive."""


def register_seeds() -> None:
    """Name the sealed seeds, for rotation and for the check of the start."""
    for member in SEALED_MEMBERS:
        register(SealedColumn(Authenticator, "data", identity_of, record_resealed_factor, member))


def identity_of(authenticator: Authenticator) -> str:
    """What a sealed seed belongs to: they share one."""
    return IDENTITY
