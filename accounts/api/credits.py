"""GET /credits."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.api.views import ManagementView
from accounts.credits import deposited_nano, used_nano
from accounts.permissions import Permission
from config.lib.api_fields import Usd


class CreditsShape(serializers.Serializer[dict[str, int]]):
    """What was paid in, less what was taken back, and what was used."""

    total_credits = Usd(help_text="Credits bought, in US dollars.")
    total_usage = Usd(help_text="Credits used, in US dollars.")


class CreditsView(ManagementView):
    """The organization's credits: bought and used."""

    permission = Permission.ACCOUNT_MANAGE

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
