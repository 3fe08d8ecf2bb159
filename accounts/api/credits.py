"""GET /credits, and beyond the contract the ledger and invoices behind it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import PAGE, answer, errors
from accounts.api.views import ManagementView
from accounts.credits import deposited_nano, used_nano
from accounts.invoices import find_invoice, invoices_of
from accounts.ledger import Wanted, movements
from accounts.ledger_csv import ledger_file
from accounts.models import LedgerEntry
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Moment, Usd, query_integer, query_page
from config.lib.keyset import UnknownCursor

FILTERS = [
    OpenApiParameter(
        "kind", {"type": "string", "enum": list(LedgerEntry.KINDS)}, description="Only this kind."
    ),
    OpenApiParameter("since", {"type": "string", "format": "date-time"}, description="From this time on."),
    OpenApiParameter("until", {"type": "string", "format": "date-time"}, description="Before this time."),
]
CURSOR = OpenApiParameter("before", str, description="`next` of the page before.")


class CreditsShape(serializers.Serializer[dict[str, int]]):
    """What was paid in, less what was taken back, and what was used."""

    total_credits = Usd(help_text="Credits bought, in US dollars.")
    total_usage = Usd(help_text="Credits used, in US dollars.")


class MovementShape(serializers.Serializer[Any]):
    """What moved the credits once."""

    id = serializers.UUIDField(source="transaction", help_text="The entry's id.")
    created_at = Moment(help_text="When it was booked.")
    kind = serializers.ChoiceField(choices=LedgerEntry.KINDS)
    amount = Usd(source="amount_nano", help_text="In US dollars; negative takes credits away.")
    description = serializers.CharField()
    reference = serializers.CharField(allow_null=True, help_text="The payment's own number.")
    refers_to = serializers.UUIDField(
        allow_null=True, help_text="The purchase that is refunded, or a transfer's other half."
    )
    created_by = serializers.CharField(source="created_by.public_id", default=None, allow_null=True)


class BilledShape(serializers.Serializer[Any]):
    """Whom an invoice is made out to."""

    name = serializers.CharField(source="billed_name")
    address = serializers.CharField(source="billed_address")
    tax_id = serializers.CharField(source="billed_tax_id")


class InvoiceLineShape(serializers.Serializer[dict[str, Any]]):
    """A line of an invoice."""

    description = serializers.CharField()
    amount = Usd(source="amount_nano", help_text="In US dollars.")


class InvoiceShape(serializers.Serializer[Any]):
    """The receipt of a purchase, as it was issued."""

    number = serializers.IntegerField(help_text="Counts the organization's invoices from 1, without a gap.")
    printed_number = serializers.CharField(source="label", help_text="The number on the paper.")
    issued_at = Moment()
    purchase = serializers.UUIDField(help_text="The purchase's id in the ledger.")
    issuer = serializers.CharField()
    billed_to = BilledShape(source="*")
    lines = InvoiceLineShape(many=True)
    amount = Usd(source="amount_nano", help_text="In US dollars.")


class OneInvoiceShape(InvoiceShape):
    """An invoice, and what became of its purchase."""

    refunded = Usd(help_text="What was refunded since, in US dollars.")


class CreditsPage(ManagementView):
    """What the operations about credits share."""

    permission = Permission.ACCOUNT_MANAGE


class CreditsView(CreditsPage):
    """The organization's credits: bought and used."""

    @extend_schema(
        operation_id="getCredits",
        tags=["Credits"],
        responses={200: answer("CreditsAnswer", data=CreditsShape()), **errors(401, 403)},
    )
    def get(self, request: Request) -> Response:
        totals = {
            "total_credits": deposited_nano(self.organization),
            "total_usage": used_nano(self.organization),
        }
        return Response({"data": CreditsShape(totals).data})


class LedgerView(CreditsPage):
    """What moved the organization's credits, newest first."""

    @extend_schema(
        operation_id="listLedger",
        tags=["Credits"],
        parameters=[*FILTERS, CURSOR, PAGE[1]],
        responses={
            200: answer(
                "LedgerAnswer",
                data=MovementShape(many=True),
                next=serializers.CharField(allow_null=True, help_text="Where the next page begins."),
            ),
            **errors(400, 401, 403),
        },
    )
    def get(self, request: Request) -> Response:
        try:
            page = movements(
                organization=self.organization,
                wanted=_wanted(request),
                before=request.query_params.get("before", ""),
                size=query_integer(request, "limit", default=50, minimum=1, maximum=100),
            )
        except UnknownCursor:
            raise ApiError(400, "before: must be the `next` of a page.") from None
        return Response({"data": MovementShape(page.rows, many=True).data, "next": page.next_cursor})


class LedgerFileView(CreditsPage):
    """The same as a CSV file, oldest first."""

    @extend_schema(
        operation_id="exportLedger",
        tags=["Credits"],
        parameters=FILTERS,
        responses={
            (200, "text/csv"): OpenApiResponse(str, "time, id, kind, amount_usd, description, …"),
            **errors(400, 401, 403),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        return ledger_file(self.organization, _wanted(request))


class InvoicesView(CreditsPage):
    """The organization's invoices, newest first."""

    @extend_schema(
        operation_id="listInvoices",
        tags=["Credits"],
        parameters=PAGE,
        responses={
            200: answer(
                "InvoicesAnswer", data=InvoiceShape(many=True), total_count=serializers.IntegerField()
            ),
            **errors(400, 401, 403),
        },
    )
    def get(self, request: Request) -> Response:
        invoices = invoices_of(self.organization)
        page = invoices[query_page(request)]
        return Response({"data": InvoiceShape(page, many=True).data, "total_count": invoices.count()})


class OneInvoiceView(CreditsPage):
    """One invoice."""

    @extend_schema(
        operation_id="getInvoice",
        tags=["Credits"],
        responses={200: answer("InvoiceAnswer", data=OneInvoiceShape()), **errors(401, 403, 404)},
    )
    def get(self, request: Request, number: str) -> Response:
        found = find_invoice(self.organization, number)
        if found is None:
            raise not_found()
        shown = InvoiceShape(found.invoice).data
        return Response({"data": {**shown, "refunded": Usd().to_representation(found.refunded_nano)}})


def _wanted(request: Request) -> Wanted:
    """The filters of the query string. Raises ApiError (400) naming the wrong one."""
    kind = request.query_params.get("kind", "")
    if kind and kind not in LedgerEntry.KINDS:
        raise ApiError(400, f"kind: must be one of {', '.join(LedgerEntry.KINDS)}.")
    moments = {}
    for name in ("since", "until"):
        text = request.query_params.get(name)
        try:
            moments[name] = None if text is None else Moment().to_internal_value(text)
        except ValidationError as error:
            raise ApiError(400, f"{name}: {error.detail[0]}") from None  # type: ignore[index]  # a list of one
    return Wanted(kind=kind, **moments)
