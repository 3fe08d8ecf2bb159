"""Mail to addresses, with text and HTML, by Django's mail: SMTP, or a service that django-anymail knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.template.loader import render_to_string

from accounts.notifications.channel_types.channel_type import ChannelType, Refused, Unreachable
from accounts.notifications.messages import Message
from config.lib.declared import Texts

MOST_ADDRESSES = 10


class Addresses(Texts):
    """A list of e-mail addresses."""

    def read(self, value: Any) -> list[str]:  # JSON of any kind
        addresses = super().read(value)
        if not addresses:
            raise self.refused("must not be empty.")
        try:
            for address in addresses:
                validate_email(address)
        except ValidationError:
            raise self.refused("must be a list of e-mail addresses.") from None
        return addresses


class EmailChannel(ChannelType):
    """Mail to a handful of addresses."""

    slug = "email"
    label = "E-mail"
    help = "To other addresses than the administrators'."
    fields = (Addresses(name="to", most=MOST_ADDRESSES, longest=254, help="Up to ten addresses."),)
    required = frozenset({"to"})

    def hint(self, name: str, value: str) -> str:
        return ""

    def send(self, message: Message, config: Mapping[str, Any]) -> None:
        send_mail(message, config["to"])


def send_mail(message: Message, addresses: Sequence[str]) -> None:
    """Mail a message; mails of one notification have one Message-ID. Raises Unreachable, Refused."""
    said = {"message": message}
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    mail = EmailMultiAlternatives(
        f"[{message.organization}] {message.title}",
        render_to_string("accounts/notification_mail.txt", said),
        settings.DEFAULT_FROM_EMAIL,
        list(addresses),
        headers={"Message-ID": f"<{message.identifier}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("accounts/notification_mail.html", said), "text/html")
    try:
        mail.send()
    except Exception as error:  # SMTP's errors are OSErrors, those of a service's backend its own
        if _are_refused(error):
            raise Refused("The mail server refused the addresses.") from error
        raise Unreachable("The mail could not be sent.") from error


def _are_refused(error: Exception) -> bool:
    """Whether the mail server wants none of the addresses, ever (smtplib's SMTPRecipientsRefused)."""
    recipients = getattr(error, "recipients", None)
    return isinstance(recipients, dict) and all(code >= 500 for code, _ in recipients.values())
