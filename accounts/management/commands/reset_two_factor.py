"""`manage.py reset_two_factor ADDRESS`: for somebody who has lost both his phone and his recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.people import reset_two_factor
from accounts.revisions import Actor


class Command(BaseCommand):
    """Ends the second factor and all sessions; the password stays."""

    help = "Turn a person's two-factor authentication off and sign him out everywhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address")
        parser.add_argument("--reason", default="", help="kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["address"]).first()
        if user is None:
            raise CommandError("Nobody has this address.")
        by = Actor(door="shell", reason=options["reason"])
        if not reset_two_factor(user=user, by=by):
            raise CommandError("Two-factor authentication is off.")
        self.stdout.write(f"{user}: two-factor authentication is off, and all sessions have ended.")
