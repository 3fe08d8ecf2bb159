"""How explanations and previews look in answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Anything
from routing.explanations import SCOPES
from routing.gateway.dialects import DIALECTS


def words(*choices: str, **more: Any) -> serializers.ChoiceField:
    """A word of an answer."""
    return serializers.ChoiceField(list(choices), **more)


def texts(**more: Any) -> serializers.ListField:
    """A list of words of an answer."""
    return serializers.ListField(child=serializers.CharField(), **more)


class AmountField(serializers.FloatField):
    """Dollars, exactly; null where they are not shown to the caller."""


class ErrorTold(serializers.Serializer[Any]):
    """The error that the gateway would send."""

    status = serializers.IntegerField()
    rule = serializers.CharField(help_text="What refuses, as the log says it.")
    layer = serializers.CharField(allow_null=True, help_text="Whose setting or limit it is.")
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.DictField(
        help_text="The body in the request's dialect; the id of a generation is null."
    )


class SettingTold(serializers.Serializer[Any]):
    """A setting of a layer that bore on the request."""

    setting = serializers.CharField()
    effect = words("refused", "left_out", "flagged", "redacted", "blocked")
    subjects = texts(help_text="Models, endpoints, regions, or what was found.")
    matches = serializers.IntegerField(help_text="How often it was found.")


class LayerTold(serializers.Serializer[Any]):
    """A layer of guardrails, in the order in which they are asked."""

    scope = words("account", *SCOPES)
    guardrail_id = serializers.CharField(allow_null=True, help_text="Null for the account and for a draft.")
    verdict = words("passed", "flagged", "redacted", "blocked", "narrowed", "refused")
    settings = SettingTold(many=True)


class StepTold(serializers.Serializer[Any]):
    """A rule that was applied, and what it said."""

    rule = serializers.CharField()
    outcome = serializers.CharField()


class FindingTold(serializers.Serializer[Any]):
    """What was found in one place; never the text."""

    detector = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field
    action = serializers.CharField()
    scope = serializers.CharField()
    guardrail_id = serializers.CharField(allow_null=True)
    place = serializers.CharField()
    count = serializers.IntegerField()
    patterns = texts()


class TextTold(serializers.Serializer[Any]):
    """A text as it would be passed on."""

    place = serializers.CharField()
    text = serializers.CharField()


class ScanTold(serializers.Serializer[Any]):
    """What the guardrails' filters found in the request."""

    verdict = words("passed", "flagged", "redacted", "blocked")
    findings = FindingTold(many=True)
    redacted_texts = TextTold(many=True)
    redacted_request = serializers.DictField(
        allow_null=True,
        help_text="All of it, as Chat Completions; null where nothing is redacted or it is large.",
    )


class PluginTold(serializers.Serializer[Any]):
    """What the workspace says about a plugin."""

    id = serializers.CharField()
    enabled = serializers.BooleanField()
    prevent_overrides = serializers.BooleanField()


class EndpointTold(serializers.Serializer[Any]):
    """An endpoint, or a whole model where `endpoint` is null, and why it is tried or not."""

    model = serializers.CharField()
    endpoint = serializers.CharField(allow_null=True)
    provider = serializers.CharField(allow_null=True)
    verdict = words("kept", "dropped")
    attempt = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    cause = serializers.CharField(
        allow_null=True, help_text="`request`, `routing`, `catalog` or a layer's scope."
    )
    setting = serializers.CharField(allow_null=True)
    guardrail_id = serializers.CharField(allow_null=True)


class AttemptTold(serializers.Serializer[Any]):
    """An upstream call that would be made, if those before it failed."""

    attempt = serializers.IntegerField()
    model = serializers.CharField()
    endpoint = serializers.CharField()
    provider = serializers.CharField()
    is_byok = serializers.BooleanField()
    estimated_cost_usd = AmountField(help_text="At most, at list price.")
    hold_usd = AmountField(help_text="What would be set aside.")


class BudgetTold(serializers.Serializer[Any]):
    """A limit that the request counts against. Amounts of others' limits are null for an inference key."""

    layer = serializers.CharField()
    interval = words("daily", "weekly", "monthly", "lifetime")
    is_strict = serializers.BooleanField()
    includes_byok = serializers.BooleanField()
    limit_usd = AmountField(allow_null=True)
    spent_usd = AmountField(allow_null=True)
    leased_usd = AmountField(allow_null=True, help_text="In the hands of gateways, idle or in flight.")
    remaining_usd = AmountField(allow_null=True)
    hold_usd = AmountField(allow_null=True, help_text="What this request would set aside; null: nothing.")
    admits = serializers.BooleanField(help_text="Whether it would admit the request now.")
    window_starts_at = serializers.DateTimeField(allow_null=True)
    window_ends_at = serializers.DateTimeField(allow_null=True)


class RateTold(serializers.Serializer[Any]):
    """Rates of a layer; what is used of them is counted in the gateways."""

    layer = serializers.CharField()
    requests_per_minute = serializers.IntegerField(allow_null=True)
    tokens_per_minute = serializers.IntegerField(allow_null=True)
    concurrent_requests = serializers.IntegerField(allow_null=True)


class ChangeTold(serializers.Serializer[Any]):
    """One change. `value` is null where there is none, or where the caller may not see it."""

    kind = words("request", "guardrail", "limit", "key")
    scope = serializers.CharField(allow_null=True)
    interval = words("daily", "weekly", "monthly", "lifetime", allow_null=True)
    guardrail_id = serializers.CharField(allow_null=True)
    setting = serializers.CharField()
    action = words("add", "remove", "set")
    value = Anything()
    description = serializers.CharField()


class LiftingTold(serializers.Serializer[Any]):
    """What would let the request through. Each way was decided anew, and passes."""

    changes = ChangeTold(
        many=True, help_text="The smallest way: all of these together. Empty: none is known."
    )
    alternatives = serializers.ListField(child=ChangeTold(many=True))
    is_search_complete = serializers.BooleanField(help_text="Whether everything there is was tried.")


class Explained(serializers.Serializer[Any]):
    """What would become of a request, and why."""

    verdict = words("allowed", "refused")
    dialect = words(*DIALECTS)
    requested_models = texts()
    model = serializers.CharField(allow_null=True, help_text="What the first attempt serves.")
    seed = serializers.IntegerField()
    error = ErrorTold(allow_null=True)
    layers = LayerTold(many=True)
    trace = StepTold(many=True)
    scan = ScanTold()
    pipeline = serializers.ListField(child=serializers.DictField())
    preferences = serializers.DictField(
        help_text="The provider preferences that the request was decided with."
    )
    plugins = PluginTold(many=True)
    endpoints = EndpointTold(many=True)
    attempts = AttemptTold(many=True)
    budgets = BudgetTold(many=True)
    rate_limits = RateTold(many=True)
    would_lift = LiftingTold(allow_null=True)
    not_judged = texts(help_text="What the gateway would look at and this does not.")


class ModelLeft(serializers.Serializer[Any]):
    """A model, and what the layers leave of it."""

    model = serializers.CharField()
    name = serializers.CharField()
    is_eligible = serializers.BooleanField()
    endpoints = serializers.IntegerField(help_text="How many may be used.")
    total_endpoints = serializers.IntegerField()
    providers = texts()
    scope = serializers.CharField(allow_null=True, help_text="The layer that leaves out all of it.")
    setting = serializers.CharField(allow_null=True)


class ProviderLeft(serializers.Serializer[Any]):
    """A provider, and how many of its endpoints the layers leave."""

    provider = serializers.CharField()
    name = serializers.CharField()
    is_eligible = serializers.BooleanField()
    endpoints = serializers.IntegerField()
    total_endpoints = serializers.IntegerField()


class Previewed(serializers.Serializer[Any]):
    """What is left under the layers, and what they find in the text."""

    models = ModelLeft(many=True)
    total_count = serializers.IntegerField(help_text="Of all models, for the pages of `models`.")
    eligible_models = serializers.IntegerField()
    providers = ProviderLeft(many=True)
    eligible_providers = serializers.IntegerField()
    scan = ScanTold(allow_null=True, help_text="Null where no text was sent.")


EXPLAINED = answer("Explanation", data=Explained())
PREVIEWED = answer("GuardrailPreview", data=Previewed())
