"""/notifications/channels: ways to tell people and programs; ours. Secrets are sealed and only hinted at."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.notifications import STATUSES
from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, answer, errors
from accounts.api.views import ManagementView, once
from accounts.models import NotificationChannel
from accounts.models.notification import NotificationChannelQuerySet
from accounts.notifications import channels, trying
from accounts.notifications.channel_types import CHANNEL_TYPES, TYPES
from accounts.notifications.history import last_deliveries
from accounts.permissions import Permission
from config.lib.api_errors import not_found
from config.lib.api_fields import Anything, Choice, Moment, StrictSerializer, Text, query_page
from config.lib.declared import NotValid, schema_of

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
NOTHING = "00000000-0000-0000-0000-000000000000"
LONGEST_NAME = 100
ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The channel's id.")
REFUSALS: dict[type[Exception], int] = {
    NotValid: 400,
    channels.TooManyChannels: 400,
    channels.ChannelGone: 404,
    trying.TestFailed: 409,
    trying.TooManyTests: 429,
}


@extend_schema_field({"anyOf": [{**schema_of(each.fields), "title": each.slug} for each in TYPES]})
class ConfigField(Anything):
    """A channel's configuration; its type judges it."""


class LastDelivery(serializers.Serializer[Any]):
    """What became of the last notification that went this way."""

    status = serializers.ChoiceField(STATUSES)
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    delivered_at = Moment(allow_null=True)


class ChannelShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A way to tell people or programs."""

    id = serializers.UUIDField(source="public_id")
    type = serializers.ChoiceField(list(CHANNEL_TYPES))
    name = serializers.CharField()
    config = serializers.SerializerMethodField(help_text="Secrets are hinted at.")
    disabled = serializers.BooleanField(source="is_disabled")
    disabled_reason = serializers.CharField(help_text="Why we disabled it; empty if somebody did.")
    last_delivery = serializers.SerializerMethodField()
    created_at = Moment()
    updated_at = Moment(allow_null=True)

    @extend_schema_field({"type": "object"})
    def get_config(self, channel: NotificationChannel) -> dict[str, Any]:
        """What may be shown."""
        return {**channel.config, **channel.hints}

    @extend_schema_field(LastDelivery(allow_null=True))
    def get_last_delivery(self, channel: NotificationChannel) -> Any:
        """The newest, or none."""
        found = self.context["last"].get(channel.pk)
        return None if found is None else LastDelivery(found).data


class TestShape(serializers.Serializer[Any]):
    """What became of a test."""

    __test__ = False

    delivered = serializers.BooleanField()
    error = serializers.CharField(help_text="Why not; empty if it was.")


SECRETS = serializers.DictField(
    child=serializers.CharField(), help_text="What was made for the channel just now: shown this once."
)
CHANNEL = answer("NotificationChannelAnswer", data=ChannelShape())
CHANNEL_AND_SECRETS = answer("NotificationChannelMade", data=ChannelShape(), secrets=SECRETS)
CHANNELS = answer(
    "NotificationChannelList", data=ChannelShape(many=True), total_count=serializers.IntegerField()
)
TESTED = answer("NotificationTestAnswer", data=TestShape())


class NewChannel(StrictSerializer):
    """A channel to add."""

    type = Choice(list(CHANNEL_TYPES))
    name = Text(max_length=LONGEST_NAME)
    config = ConfigField()


class ChannelChange(StrictSerializer):
    """What can be set; what is left out stays as it is, in the configuration too."""

    name = Text(max_length=LONGEST_NAME, required=False)
    config = ConfigField(required=False)


class ChannelPage(ManagementView):
    """What the views share."""

    permission = Permission.ACCOUNT_MANAGE
    refusals: ClassVar[dict[type[Exception], int]] = REFUSALS

    def rows(self) -> NotificationChannelQuerySet:
        """The live channels."""
        rows: NotificationChannelQuerySet = NotificationChannel.objects.for_organization(self.organization_id)
        return rows.live().select_related("organization")


class ChannelsView(ChannelPage):
    """The organization's channels, the newest first."""

    @extend_schema(
        operation_id="listNotificationChannels",
        tags=["Notifications"],
        parameters=PAGE,
        responses={200: CHANNELS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        rows = self.rows().order_by("-pk")
        page = list(rows[query_page(request)])
        last = {"last": last_deliveries(page)}
        return Response(
            {"data": ChannelShape(page, many=True, context=last).data, "total_count": rows.count()}
        )

    @extend_schema(
        operation_id="createNotificationChannel",
        tags=["Notifications"],
        parameters=[IDEMPOTENCY_KEY],
        request=NewChannel,
        responses={201: CHANNEL_AND_SECRETS, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        """Add a channel. No rule uses it before it is told to."""
        body = NewChannel(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        made = channels.create(
            organization=self.organization,
            kind=values["type"],
            name=values["name"],
            config=values["config"],
            by=self.actor,
        )
        return Response({"data": shape(made.channel), "secrets": made.issued}, status=201)


class ChannelView(ChannelPage):
    """A view about one channel."""

    channel: NotificationChannel

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        reference = kwargs["id"] if UUID_TEXT.fullmatch(kwargs["id"]) else NOTHING
        channel = self.rows().filter(public_id=reference).first()
        if channel is None:
            raise not_found()
        self.channel = channel


class OneChannelView(ChannelView):
    """One channel."""

    @extend_schema(
        operation_id="getNotificationChannel",
        tags=["Notifications"],
        parameters=[ID],
        responses={200: CHANNEL, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": shape(self.channel)})

    @extend_schema(
        operation_id="updateNotificationChannel",
        tags=["Notifications"],
        parameters=[ID],
        request=ChannelChange,
        responses={200: CHANNEL_AND_SECRETS, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        """Change a channel. Another address of a webhook gets another signing secret."""
        body = ChannelChange(data=request.data)
        body.is_valid(raise_exception=True)
        made = channels.change(channel=self.channel, by=self.actor, **body.validated_data)
        return Response({"data": shape(made.channel), "secrets": made.issued})

    @extend_schema(
        operation_id="deleteNotificationChannel",
        tags=["Notifications"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        """Delete a channel, wipe its secrets, and take it out of the rules."""
        channels.delete(channel=self.channel, by=self.actor)
        return Response(DeletedAnswer({"deleted": True}).data)


class TestChannelView(ChannelView):
    """Tries a channel out."""

    __test__ = False

    @extend_schema(
        operation_id="testNotificationChannel",
        tags=["Notifications"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: TESTED, **errors(401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        """Send a test right away, once; a disabled channel can be tested too."""
        delivery = trying.send_test(channel=self.channel)
        tested = {"delivered": delivery.delivered_at is not None, "error": delivery.error}
        return Response({"data": TestShape(tested).data})


class EnableChannelView(ChannelView):
    """Enables a channel."""

    @extend_schema(
        operation_id="enableNotificationChannel",
        tags=["Notifications"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: CHANNEL, **errors(401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        """Use the channel again, if a test arrives; 409 says why it did not."""
        return Response({"data": shape(trying.enable(channel=self.channel, by=self.actor))})


class DisableChannelView(ChannelView):
    """Disables a channel."""

    @extend_schema(
        operation_id="disableNotificationChannel",
        tags=["Notifications"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: CHANNEL, **errors(401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        """Send nothing through the channel until it is enabled."""
        disabled = channels.switch(channel=self.channel, is_disabled=True, by=self.actor)
        return Response({"data": shape(disabled)})


def shape(channel: NotificationChannel) -> Any:
    """One channel as it is answered."""
    return ChannelShape(channel, context={"last": last_deliveries([channel])}).data
