"""The page of credits: what is left, and what moved it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from accounts.credits import deposited_nano, used_nano
from accounts.dashboard.pages import OrganizationView
from accounts.ledger import KINDS, movements
from accounts.permissions import Permission
from config.lib.keyset import UnknownCursor

PAGE_SIZE = 50


class CreditsView(OrganizationView):
    """`/o/{organization}/credits`."""

    permission = Permission.ACCOUNT_MANAGE
    section = "credits"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The balance and a page of the ledger."""
        kinds = self.asked("kind")
        try:
            page = movements(
                organization=self.organization,
                kinds=kinds,
                before=self.asked("before"),
                size=PAGE_SIZE,
            )
        except UnknownCursor as error:
            raise Http404 from error
        if self.is_continuation:
            return self.page("accounts/_movements.html", page=page, kind=kinds)
        deposited, used = deposited_nano(self.organization), used_nano(self.organization)
        return self.page(
            "accounts/credits.html",
            page=page,
            kind=kinds if kinds in KINDS else "",
            is_first_page=not self.asked("before"),
            balance_nano=deposited - used,
            deposited_nano=deposited,
            used_nano=used,
        )
