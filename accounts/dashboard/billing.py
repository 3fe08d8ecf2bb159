"""The pages of invoices, statements and what invoices are made out to."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.billing import set_billing
from accounts.dashboard.billing_forms import BillingForm
from accounts.dashboard.credits import CreditsPage
from accounts.invoices import billing_details, find_invoice, invoices_of
from accounts.models import BillingDetails
from accounts.statements import month_after, months_of, read_month, statement
from config.lib.dashboard import INVALID_FORM

PAGE_SIZE = 50


class InvoicesView(CreditsPage):
    """`/o/{organization}/credits/invoices`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The invoices, newest first."""
        pages = Paginator(invoices_of(self.organization), PAGE_SIZE)
        return self.page(
            "accounts/invoices.html",
            invoices=pages.get_page(self.asked("page")),
            billing=billing_details(self.organization),
        )


class InvoiceView(CreditsPage):
    """`…/credits/invoices/{number}`: to be read and printed."""

    def get(self, request: HttpRequest, organization: str, number: str) -> HttpResponse:
        """The invoice as it was issued, and what was refunded since."""
        found = find_invoice(self.organization, number)
        if found is None:
            raise Http404
        return self.page("accounts/invoice.html", invoice=found.invoice, refunded_nano=found.refunded_nano)


class StatementView(CreditsPage):
    """`…/credits/statements/{month}`: what a month did, from the ledger alone."""

    def get(self, request: HttpRequest, organization: str, month: str) -> HttpResponse:
        """The month's statement."""
        start = read_month(month)
        if start is None:
            raise Http404
        return self.page(
            "accounts/statement.html",
            statement=statement(self.organization, start),
            last_day=month_after(start) - timedelta(days=1),
            is_running=start <= timezone.now() < month_after(start),
            months=months_of(self.organization),
        )


class BillingView(CreditsPage):
    """`…/credits/billing`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The form as things are."""
        return self._page(BillingForm.of(self.details))

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Change it for the invoices to come."""
        form = BillingForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=INVALID_FORM)
        set_billing(organization=self.organization, by=self.actor, **form.cleaned_data)
        messages.success(request, "Saved. Invoices that were issued stay as they are.")
        return redirect(self.address("invoices"))

    @cached_property
    def details(self) -> BillingDetails:
        """What is known by now."""
        return billing_details(self.organization)

    def _page(self, form: BillingForm, status: int = 200) -> HttpResponse:
        return self.page("accounts/billing.html", form=form, billing_id=self.details.pk, status=status)
