"""The pages of credits: what is left, what moved it, and buying more."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from accounts.credits import deposited_nano, used_nano
from accounts.dashboard.billing_forms import AmountForm
from accounts.dashboard.pages import OrganizationView
from accounts.forecast import forecast
from accounts.ledger import GROUPS, Wanted, kind_name, movements
from accounts.ledger_csv import ledger_file
from accounts.models import LedgerEntry
from accounts.permissions import Permission
from accounts.statements import months_of
from accounts.stripe.checkouts import NotOffered, StripeFailed, start_checkout
from config.lib.dashboard import INVALID_FORM, is_part_wanted, query_without
from config.lib.environment import environment
from config.lib.keyset import UnknownCursor

PAGE_SIZE = 50
KINDS = (*GROUPS, *LedgerEntry.KINDS)


class CreditsPage(OrganizationView):
    """What the pages of credits share."""

    permission = Permission.ACCOUNT_MANAGE
    section = "credits"

    def address(self, name: str, *args: str) -> str:
        """The address of a page of the organization."""
        return reverse(f"dashboard:{name}", args=[self.organization.slug, *args])


class MovementsPage(CreditsPage):
    """A page that shows what the address asks for."""

    def wanted(self) -> Wanted:
        """The filters of the address; days are UTC's, and what is no filter filters nothing."""
        kind, first, last = self.asked("kind"), _day(self.asked("since")), _day(self.asked("until"))
        return Wanted(
            kind=kind if kind in KINDS else "",
            since=first,
            until=None if last is None else last + timedelta(days=1),
        )


class CreditsView(MovementsPage):
    """`/o/{organization}/credits`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The balance and a page of the ledger."""
        wanted = self.wanted()
        try:
            page = movements(
                organization=self.organization, wanted=wanted, before=self.asked("before"), size=PAGE_SIZE
            )
        except UnknownCursor as error:
            raise Http404 from error
        filters = query_without(request.GET, "before", "paid")
        if self.is_continuation:
            return self.page("accounts/_movements.html", page=page, filters=filters)
        return self.page("accounts/credits.html", page=page, filters=filters, wanted=wanted, **self._frame())

    def _frame(self) -> dict[str, Any]:
        deposited, used = deposited_nano(self.organization), used_nano(self.organization)
        return {
            "kinds": [("deposits", "All deposits"), *((kind, kind_name(kind)) for kind in LedgerEntry.KINDS)],
            "forecast": forecast(self.organization, deposited - used, now=timezone.now()),
            "since": self.asked("since"),
            "until": self.asked("until"),
            "is_first_page": not self.asked("before"),
            "is_paid": bool(self.asked("paid")),
            "takes_payments": environment().takes_payments,
            "months": months_of(self.organization),
            "balance_nano": deposited - used,
            "deposited_nano": deposited,
            "used_nano": used,
        }


class LedgerFileView(MovementsPage):
    """`…/credits/ledger.csv`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponseBase:
        """Everything that the filters leave."""
        return ledger_file(self.organization, self.wanted())


class AddCreditsView(CreditsPage):
    """`…/credits/add`; there where Stripe is set up."""

    def enter(self) -> None:
        super().enter()
        if not environment().takes_payments:
            raise Http404

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """How much?"""
        return self.page("accounts/credits_add.html", form=AmountForm())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Begin the payment and go there. Without a script by a link: forms may not lead to other sites."""
        form = AmountForm(request.POST)
        if form.is_valid():
            try:
                url = start_checkout(
                    organization=self.organization,
                    amount_usd=form.cleaned_data["amount_usd"],
                    back_to=environment().base_url.rstrip("/") + self.address("credits"),
                    by=self.actor,
                )
            except (NotOffered, StripeFailed) as error:
                form.add_error("amount_usd", str(error))
        if not form.is_valid():
            return self.page("accounts/credits_add.html", form=form, status=INVALID_FORM)
        if is_part_wanted(request):
            return HttpResponseClientRedirect(url)
        return self.page("accounts/credits_pay.html", url=url, amount=form.cleaned_data["amount_usd"])


def _day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    is_near = 2000 <= day.year < 9999
    return datetime.combine(day, time.min, tzinfo=UTC) if is_near else None
