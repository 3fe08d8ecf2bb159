"""How private endpoints look in bodies and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.api.schema import ErrorShape, answer
from config.lib.api_fields import Choice, Flag, Moment, StrictSerializer, Text, Whole
from config.lib.money import NotAnAmount
from routing.api.byok_shapes import MODEL
from routing.credential_formats import DATA_REGIONS, MOST_CHARACTERS
from routing.models import LanguageModel, PrivateEndpoint
from routing.models.private_endpoint import AUTHENTICATIONS, NO_CREDENTIAL, OWN, STATUSES
from routing.private_pricing import NOT_SET, Rates, latest, rate_from_usd
from routing.private_upstreams import ADDRESSED, names_of
from routing.private_validation import REASONS, Validation

MOST_PARAMETERS = 100
MOST_TOKENS = 2**31 - 1
AMOUNT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,18})?")
PARAMETER = RegexValidator(r"\A[a-z][a-z0-9_]*\Z", "must be a parameter's name.")
PRINTABLE = RegexValidator(
    re.compile(r"\A[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?\Z"), "must be a name."
)


@dataclass(frozen=True)
class Described:
    """An endpoint with the names of its model (`listed`; None: there is none any more) and provider, and its price."""

    endpoint: PrivateEndpoint
    listed: str | None
    provider_name: str
    rates: Rates | None

    @property
    def model_slug(self) -> str | None:
        """The slug, while there is such a model."""
        return None if self.listed is None else self.endpoint.model_slug

    @property
    def pricing(self) -> dict[str, str]:
        """Dollars per token; what was never set is said to be unknown."""
        return {"prompt": NOT_SET, "completion": NOT_SET} if self.rates is None else self.rates.amounts()


class PricingShape(serializers.Serializer[Any]):
    """US dollars per token, as decimal strings."""

    prompt = serializers.CharField(help_text="-1: not set, and so not routable. Free is 0.")
    completion = serializers.CharField()
    cache_read = serializers.CharField(required=False)
    cache_write = serializers.CharField(required=False)


class SummaryShape(serializers.Serializer[Any]):
    """An endpoint in a list."""

    id = serializers.UUIDField(source="endpoint.public_id")
    model_name = serializers.CharField(source="listed", allow_null=True)
    model_permaslug = serializers.CharField(source="endpoint.model_slug")
    model_slug = serializers.CharField(allow_null=True)
    provider_name = serializers.CharField()
    status = serializers.ChoiceField(STATUSES, source="endpoint.status")
    created_at = Moment(source="endpoint.created_at")


class ManagedShape(SummaryShape):
    """An endpoint after a step of its life."""

    declared_region = serializers.ChoiceField(
        DATA_REGIONS, source="endpoint.declared_region", allow_null=True
    )
    declared_zdr = serializers.BooleanField(source="endpoint.declared_zdr", allow_null=True)


class EndpointShape(ManagedShape):
    """An endpoint in full; its secret is never shown."""

    provider_slug = serializers.CharField(source="endpoint.provider", allow_null=True)
    upstream_model_id = serializers.CharField(source="endpoint.upstream_model")
    base_url = serializers.CharField(source="endpoint.base_url", allow_null=True)
    pricing = PricingShape()
    wire_format = serializers.CharField(source="endpoint.wire_format")
    authentication = serializers.ChoiceField(
        AUTHENTICATIONS,
        source="endpoint.authentication",
        help_text="byok: the workspace's credential for the provider; own: the endpoint's api_key; none: nothing.",
    )
    has_api_key = serializers.SerializerMethodField()
    context_length = serializers.IntegerField(source="endpoint.context_length", allow_null=True)
    max_completion_tokens = serializers.IntegerField(source="endpoint.max_completion_tokens", allow_null=True)
    supported_parameters = serializers.ListField(
        source="endpoint.supported_parameters", child=serializers.CharField()
    )
    validated_at = Moment(source="endpoint.validated_at", allow_null=True)
    updated_at = Moment(source="endpoint.updated_at", allow_null=True)

    def get_has_api_key(self, described: Described) -> bool:
        """Whether an `api_key` is kept."""
        return bool(described.endpoint.sealed_secret)


class CheckShape(serializers.Serializer[Any]):
    """One thing that was looked at."""

    name = serializers.CharField()
    passed = serializers.BooleanField()
    reason = serializers.ChoiceField(REASONS, required=False)
    upstream_status = serializers.IntegerField(
        required=False, help_text="The class of the status that was answered: 400 for any 4xx."
    )
    actual_model = serializers.CharField(required=False)


class ValidationShape(serializers.Serializer[Any]):
    """What a validation found."""

    passed = serializers.BooleanField()
    checks = CheckShape(many=True)


class KeptDraft(serializers.Serializer[Any]):
    """The draft that was created although it could not be activated."""

    endpoint = ManagedShape()
    validation = ValidationShape(allow_null=True)


SUMMARIES = answer("PrivateEndpointList", data=SummaryShape(many=True))
MANAGED = answer("ManagedPrivateEndpointAnswer", data=ManagedShape())
ENDPOINT = answer("PrivateEndpointAnswer", data=EndpointShape())
VALIDATION = answer("PrivateEndpointValidationAnswer", data=ValidationShape())
DELETED = answer(
    "DeletedPrivateEndpointAnswer",
    data=answer("DeletedPrivateEndpoint", id=serializers.UUIDField()),
)
KEPT_DRAFT = answer("PrivateEndpointNotActivated", error=ErrorShape(), data=KeptDraft(required=False))


def check_amount(text: str) -> None:
    """Pass a decimal number of dollars that femto-dollars hold exactly. Raises ValidationError."""
    if not AMOUNT.fullmatch(text):
        raise serializers.ValidationError("must be a decimal number of US dollars, as a string.")
    try:
        rate_from_usd(Decimal(text))
    except NotAnAmount as error:
        raise serializers.ValidationError(f"{error}.") from error


class Pricing(StrictSerializer):
    """Dollars per token; a rate for the cache that is left out is derived, or is that of the prompt."""

    prompt = Text(validators=[check_amount])
    completion = Text(validators=[check_amount])
    cache_read = Text(validators=[check_amount], required=False)
    cache_write = Text(validators=[check_amount], required=False)


class PricingChange(StrictSerializer):
    """The whole price, in the place of the one before."""

    pricing = Pricing()


class ValidationRequest(StrictSerializer):
    """In which workspace's name the upstream is asked."""

    workspace_id = Text(max_length=60, help_text="An id or slug; its BYOK credential is used.")


class EndpointChange(StrictSerializer):
    """A draft's upstream; what is left out stays, but what was declared of another upstream is taken back."""

    upstream_model_id = Text(source="upstream_model", max_length=200, validators=[PRINTABLE])
    base_url = Text(max_length=500, required=False)
    declared_region = Choice(DATA_REGIONS, allow_null=True, required=False)
    declared_zdr = Flag(allow_null=True, required=False)
    api_key = Text(
        max_length=MOST_CHARACTERS,
        allow_null=True,
        required=False,
        help_text="Ours. The upstream's key, sealed and never shown; null: it wants none. Left out of a creation, the "
        "workspace's BYOK credential for the provider is used.",
    )
    model_name = Text(
        max_length=200,
        validators=[PRINTABLE],
        required=False,
        help_text="Ours. Makes a model that the catalog does not have one of your own.",
    )
    context_length = Whole(min_value=1, max_value=MOST_TOKENS, allow_null=True, required=False)
    max_completion_tokens = Whole(min_value=1, max_value=MOST_TOKENS, allow_null=True, required=False)
    supported_parameters = serializers.ListField(
        child=Text(max_length=60, validators=[PARAMETER]), max_length=MOST_PARAMETERS, required=False
    )

    def validate_supported_parameters(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    def settings(self) -> tuple[str | None, dict[str, Any]]:
        """What was asked for: the secret, if one was given, and the rest as the domain names it."""
        asked = dict(self.validated_data)
        if "api_key" not in asked:
            return None, asked
        secret = asked.pop("api_key")
        return secret, asked | {"authentication": NO_CREDENTIAL if secret is None else OWN}


class EndpointCreation(EndpointChange):
    """What a new endpoint begins with."""

    model_permaslug = Text(source="model", max_length=200, validators=[MODEL])
    provider_slug = Text(source="provider", max_length=60)
    pricing = Pricing(required=False)
    wire_format = Choice(
        ADDRESSED, required=False, help_text="Ours. How the upstream is spoken to; else as its provider is."
    )
    activate = ValidationRequest(required=False)


def described(organization_id: int, endpoints: Iterable[PrivateEndpoint]) -> list[Described]:
    """The endpoints with what answers show beside them; three queries however many they are."""
    rows = list(endpoints)
    listed = dict(
        LanguageModel.objects.filter(is_enabled=True, slug__in={row.model_slug for row in rows}).values_list(
            "slug", "name"
        )
    )
    names = names_of(row.provider for row in rows)
    prices = latest(organization_id, [row.pk for row in rows])
    return [
        Described(
            row,
            listed.get(row.model_slug) or row.model_name,
            names[row.provider],
            Rates.stored(prices[row.pk]) if row.pk in prices else None,
        )
        for row in rows
    ]


def shown(validation: Validation) -> dict[str, Any]:
    """What a validation found; what a check does not say is left out."""
    checks = [
        {name: value for name, value in asdict(check).items() if value is not None}
        for check in validation.checks
    ]
    return {"passed": validation.passed, "checks": checks}
