"""What may be asked about a request, and about a guardrail that need not be written."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.lib.api_fields import Anything, Choice, Flag, StrictSerializer, Text, Whole
from routing.api.guardrail_shapes import GuardrailChange
from routing.explanations import SCOPES, SEED_BITS, Draft
from routing.gateway.dialects import DIALECTS
from routing.guardrail_checks import DATA_REGIONS

MOST_HEADERS, LONGEST_HEADER = 50, 4096
HASH = {"min_length": 1, "max_length": 100}


class DraftChange(GuardrailChange):
    """A guardrail that is tried out: any of a guardrail's settings, and where it stands."""

    scope = Choice(SCOPES, default="api-key", help_text="Whose guardrail it would be.")
    replaces = Flag(
        default=True, help_text="In the place of what the scope has now; false: in addition to it."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The draft."""
        scope, replaces = attrs.pop("scope"), attrs.pop("replaces")
        names = {"name", "description"}
        settings = {name: value for name, value in super().validate(attrs).items() if name not in names}
        return {"draft": Draft(scope, replaces, settings)}


@extend_schema_field(
    {"type": "object", "additionalProperties": True, "description": "The request's body, in its dialect."}
)
class RequestField(Anything):
    """A request's body, byte for byte."""


class Headers(serializers.DictField):
    """Headers of the request by name, as bytes in lower case."""

    child = Text(max_length=LONGEST_HEADER, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[bytes, bytes]:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        if len(data) > MOST_HEADERS:
            raise serializers.ValidationError(f"may be at most {MOST_HEADERS}.")
        given = super().to_internal_value(data)
        return {name.lower().encode(): value.encode() for name, value in given.items()}


class ExplainQuestion(StrictSerializer):
    """A request, and whose it is."""

    request = RequestField()
    key = Text(
        required=False,
        help_text="The hash of the key that the request is made with; an inference key asks about itself.",
        **HASH,
    )
    dialect = Choice(list(DIALECTS), default="chat")
    headers = Headers(required=False)
    region = Choice(
        DATA_REGIONS, required=False, help_text="Where the request arrives; else by the host asked."
    )
    seed = Whole(
        min_value=0,
        max_value=2**SEED_BITS - 1,
        required=False,
        help_text="Of the weighted draw; else random.",
    )
    guardrail = DraftChange(required=False, help_text="Management keys only.")


class PreviewQuestion(StrictSerializer):
    """Whose models and providers, under which draft; and a text to look at."""

    key = Text(required=False, help_text="The hash of a key.", **HASH)
    workspace_id = Text(
        min_length=1, max_length=60, required=False, help_text="Where no key is named; else the Default one."
    )
    guardrail = DraftChange(required=False)
    text = Text(max_length=100_000, allow_blank=True, required=False, help_text="As a user would write it.")
