"""/notifications and /notifications/rules: what the organization was told, and when it is told of what; ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import PAGE, answer, errors
from accounts.api.views import ManagementView
from accounts.invitations import UnknownWorkspaces
from accounts.models import NotificationChannel, NotificationDelivery, NotificationRule
from accounts.notifications import history, rules
from accounts.notifications.kinds import DAYS, KINDS, PERCENT, TEST, USD
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Flag, Moment, StrictSerializer, Text, query_page
from config.lib.money import NotAnAmount, nano_from_usd, plain_usd, usd_from_nano

MOST_WHOLE = 10**9
STATUSES = [NotificationDelivery.PENDING, NotificationDelivery.DELIVERED, NotificationDelivery.DEAD]
KIND = OpenApiParameter(
    "kind", str, OpenApiParameter.PATH, enum=list(KINDS), description="What the rule is about."
)
OF_KIND = OpenApiParameter(
    "kind", str, enum=[*KINDS, TEST.slug], description="Only notifications of this kind."
)


@extend_schema_field({"type": "number"})
class Threshold(serializers.Field[Any, Any, Any, Any]):
    """A number; what it counts depends on the rule's kind."""

    default_error_messages = {"invalid": "must be a number."}

    def to_internal_value(self, data: Any) -> int | Decimal:  # the parsed value, of any type
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:  # an integer, or a Decimal of dollars
        return value


class RuleShape(serializers.Serializer[Any]):  # one, or with many=True several
    """When the organization is told of one kind of event, and how."""

    kind = serializers.ChoiceField(list(KINDS))
    unit = serializers.ChoiceField([PERCENT, USD, DAYS], allow_null=True, help_text="What thresholds count.")
    thresholds = serializers.ListField(child=Threshold(), help_text="Each is told of once per crossing.")
    workspace_ids = serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, help_text="Null is all workspaces."
    )
    channel_ids = serializers.ListField(child=serializers.UUIDField())
    email_administrators = serializers.BooleanField()
    disabled = serializers.BooleanField()
    updated_at = Moment(allow_null=True, help_text="Null while the rule is as it comes.")


class RuleChange(StrictSerializer):
    """What can be set; what is left out stays as it is, and a list is replaced as a whole."""

    thresholds = serializers.ListField(child=Threshold(), max_length=rules.MOST_THRESHOLDS, required=False)
    workspace_ids = serializers.ListField(
        child=Text(max_length=100),
        min_length=1,
        max_length=rules.MOST_WORKSPACES,
        allow_null=True,
        required=False,
        help_text="Ids or slugs; null is all workspaces.",
        error_messages={"min_length": "must not be empty; null is all workspaces."},
    )
    channel_ids = serializers.ListField(child=serializers.UUIDField(), max_length=100, required=False)
    email_administrators = Flag(required=False)
    disabled = Flag(required=False)


class DeliveryShape(serializers.Serializer[Any]):  # with many=True several
    """A notification's way through one channel; null: the mail to the administrators."""

    channel_id = serializers.UUIDField(source="channel.public_id", allow_null=True, default=None)
    channel_name = serializers.CharField(source="channel.name", allow_null=True, default=None)
    status = serializers.ChoiceField(STATUSES)
    attempts = serializers.IntegerField()
    error = serializers.CharField(help_text="What was wrong with the last try; empty where nothing was.")
    delivered_at = Moment(allow_null=True)


class NotificationShape(serializers.Serializer[Any]):  # one, or with many=True several
    """Something the organization was told, with the facts as they were then."""

    id = serializers.UUIDField(source="public_id")
    kind = serializers.ChoiceField([*KINDS, TEST.slug])
    title = serializers.CharField()
    workspace_id = serializers.UUIDField(source="workspace", allow_null=True)
    facts = serializers.DictField()
    created_at = Moment()
    deliveries = DeliveryShape(many=True, source="deliveries.all")


RULE = answer("NotificationRuleAnswer", data=RuleShape())
RULES = answer("NotificationRuleList", data=RuleShape(many=True), total_count=serializers.IntegerField())
NOTIFICATIONS = answer(
    "NotificationList", data=NotificationShape(many=True), total_count=serializers.IntegerField()
)


class NotificationsView(ManagementView):
    """What the organization was told, the newest first."""

    permission = Permission.ACCOUNT_MANAGE

    @extend_schema(
        operation_id="listNotifications",
        tags=["Notifications"],
        parameters=[OF_KIND, *PAGE],
        responses={200: NOTIFICATIONS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        rows = history.told(self.organization_id).order_by("-created_at", "-pk")
        kind = request.query_params.get("kind")
        if kind is not None:
            if kind not in (*KINDS, TEST.slug):
                raise ApiError(400, f"kind: must be one of {', '.join((*KINDS, TEST.slug))}.")
            rows = rows.filter(kind=kind)
        page = rows[query_page(request)]
        return Response({"data": NotificationShape(page, many=True).data, "total_count": rows.count()})


class RulesView(ManagementView):
    """The organization's rules, one for each kind."""

    permission = Permission.ACCOUNT_MANAGE

    @extend_schema(
        operation_id="listNotificationRules",
        tags=["Notifications"],
        responses={200: RULES, **errors(401, 403)},
    )
    def get(self, request: Request) -> Response:
        found = list(rules.rules_of(self.organization_id).values())
        return Response({"data": shapes(self.organization_id, found), "total_count": len(found)})


class OneRuleView(ManagementView):
    """One rule."""

    permission = Permission.ACCOUNT_MANAGE
    refusals: ClassVar[dict[type[Exception], int]] = {
        rules.NotARule: 400,
        UnknownWorkspaces: 400,
        rules.UnknownChannels: 400,
    }

    @extend_schema(
        operation_id="getNotificationRule",
        tags=["Notifications"],
        parameters=[KIND],
        responses={200: RULE, **errors(401, 403, 404)},
    )
    def get(self, request: Request, kind: str) -> Response:
        rule = rules.rules_of(self.organization_id).get(kind)
        if rule is None:
            raise not_found()
        return Response({"data": shapes(self.organization_id, [rule])[0]})

    @extend_schema(
        operation_id="updateNotificationRule",
        tags=["Notifications"],
        parameters=[KIND],
        request=RuleChange,
        responses={200: RULE, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, kind: str) -> Response:
        """Change a rule. A threshold that is passed already when it is added is told of at the next look."""
        if kind not in KINDS:
            raise not_found()
        body = RuleChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = rules.change(
            organization=self.organization, kind=kind, by=self.actor, **_columns(kind, body.validated_data)
        )
        return Response({"data": shapes(self.organization_id, [changed])[0]})


NAMES = {
    "workspace_ids": "workspaces",
    "channel_ids": "channels",
    "email_administrators": "is_mailed_to_administrators",
    "disabled": "is_disabled",
}


def shapes(organization_id: int, found: Iterable[NotificationRule]) -> list[Any]:
    """The rules as they are answered; channels by their public ids."""
    rows = NotificationChannel.objects.for_organization(organization_id).live()
    channels = dict(rows.values_list("pk", "public_id"))
    return [
        RuleShape(
            {
                "kind": rule.kind,
                "unit": KINDS[rule.kind].unit,
                "thresholds": [shown(KINDS[rule.kind].unit, each) for each in rule.thresholds],
                "workspace_ids": rule.workspaces,
                "channel_ids": [channels[pk] for pk in rule.channel_ids if pk in channels],
                "email_administrators": rule.is_mailed_to_administrators,
                "disabled": rule.is_disabled,
                "updated_at": rule.updated_at,
            }
        ).data
        for rule in found
    ]


def shown(unit: str | None, threshold: int) -> int | Decimal:
    """A threshold as it is answered: dollars, or a whole number."""
    return Decimal(plain_usd(usd_from_nano(threshold))) if unit == USD else threshold


def _columns(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    columns = {NAMES.get(name, name): value for name, value in values.items()}
    if "thresholds" in columns:
        columns["thresholds"] = _kept(KINDS[kind].unit, columns["thresholds"])
    return columns


def _kept(unit: str | None, thresholds: Sequence[int | Decimal]) -> list[int]:
    """Thresholds as they are kept. Raises ApiError (400)."""
    try:
        if unit == USD:
            return [nano_from_usd(Decimal(each)) for each in thresholds]
    except NotAnAmount as error:
        raise ApiError(400, f"thresholds: {error}.") from None
    if not all(-MOST_WHOLE < each < MOST_WHOLE and each == int(each) for each in thresholds):
        raise ApiError(400, "thresholds: must be whole numbers.")
    return [int(each) for each in thresholds]
