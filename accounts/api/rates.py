"""Rates in bodies and answers: fields of ours, beyond the contract."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.lib.api_fields import StrictSerializer, Whole
from config.lib.rated import MOST

REQUESTS = "How many requests may begin in a minute; null: any number."
TOKENS = "How many tokens the prompts of a minute may have, as estimated at admission; null: any number."
AT_ONCE = "How many requests may run at once in each gateway process; null: any number."


class RatesShape(serializers.Serializer[Any]):  # one, or with many=True several
    """The rates of whoever has them."""

    requests_per_minute = serializers.IntegerField(allow_null=True, help_text=REQUESTS)
    tokens_per_minute = serializers.IntegerField(allow_null=True, help_text=TOKENS)
    concurrent_requests = serializers.IntegerField(allow_null=True, help_text=AT_ONCE)


class RatesChange(StrictSerializer):
    """What rates can be set to; 0 lets nothing through."""

    requests_per_minute = Whole(
        min_value=0, max_value=MOST, allow_null=True, required=False, help_text=REQUESTS
    )
    tokens_per_minute = Whole(min_value=0, max_value=MOST, allow_null=True, required=False, help_text=TOKENS)
    concurrent_requests = Whole(
        min_value=0, max_value=MOST, allow_null=True, required=False, help_text=AT_ONCE
    )
