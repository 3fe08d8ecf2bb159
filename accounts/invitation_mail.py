"""The mail that invites somebody, and the secret in its link."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Invitation
from config.lib.environment import environment


class MailNotSent(Exception):
    """The mail server did not take the mail; nothing was changed."""


def new_token() -> str:
    """A secret of 256 random bits, fit for an address."""
    return secrets.token_urlsafe(32)


def send(invitation: Invitation, token: str) -> None:
    """Send the link, in the caller's transaction: what nobody was told of is not kept. Raises MailNotSent."""
    link = environment().base_url.rstrip("/") + reverse("dashboard:invitation_link", args=[token])
    organization, inviter = _in_one_line(invitation.organization.name), invitation.invited_by
    said = {
        "invitation": invitation,
        "organization": organization,
        "inviter": _in_one_line(inviter.name or inviter.email) if inviter else "",
        "link": link,
    }
    text = render_to_string("accounts/invitation_mail.txt", said)
    try:
        send_mail(f"Join {organization} on Headgate", text, settings.DEFAULT_FROM_EMAIL, [invitation.email])
    except OSError as error:  # of which SMTP's errors are some
        raise MailNotSent("The mail could not be sent. Try again later.") from error


def _in_one_line(name: str) -> str:
    """A name that people gave themselves, which must not look like a mail of its own."""
    return " ".join(name.split())
