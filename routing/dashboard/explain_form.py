"""The question of the page that explains: which request, made with which key, arriving how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms

from config.lib.api_body import MAX_BODY_BYTES
from observability.contents import Content
from observability.models import Generation
from observability.passages import body_of
from routing.call import DEFAULT_REGION
from routing.explaining.matter import Asked
from routing.explanations import SEED_BITS
from routing.gateway.dialects import DIALECTS
from routing.guardrail_checks import DATA_REGIONS
from workspaces.models import ApiKey

NAMES: Final = {
    "chat": "Chat Completions",
    "completions": "Completions",
    "messages": "Anthropic Messages",
    "responses": "Responses",
    "embeddings": "Embeddings",
}
UNKNOWN_TEXT: Final = "(what was said is not kept)"


@dataclass(frozen=True)
class Question:
    """What the form asks."""

    key: str
    asked: Asked
    seed: int | None


class ExplainForm(forms.Form):
    """A request, and whose it would be."""

    key = forms.ChoiceField(label="Made with")
    dialect = forms.ChoiceField(
        label="Format", choices=[(slug, NAMES.get(slug, slug)) for slug in DIALECTS], initial="chat"
    )
    request = forms.CharField(
        strip=False,
        max_length=MAX_BODY_BYTES,
        widget=forms.Textarea(
            attrs={"rows": 12, "class": "code", "spellcheck": "false", "autocomplete": "off"}
        ),
    )
    region = forms.ChoiceField(
        label="Arrives in",
        required=False,
        choices=[("", "Wherever it is sent"), *((region, region) for region in DATA_REGIONS)],
    )
    seed = forms.IntegerField(
        label="Seed of the draw", required=False, min_value=0, max_value=2**SEED_BITS - 1
    )

    def __init__(self, *args: Any, keys: Iterable[ApiKey], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(key.hash, f"{key.name} · {key.label}") for key in keys]
        self.fields["key"].choices = known  # type: ignore[attr-defined]  # a field of choices

    def question(self) -> Question:
        """As the explanation takes it; only of a valid form."""
        given = self.cleaned_data
        data = given["request"].encode("utf-8", "surrogatepass")
        region = given["region"] or DEFAULT_REGION
        return Question(given["key"], Asked(given["dialect"], data, {}, region), given["seed"])


def first_question(model: str) -> dict[str, Any]:
    """What the form begins with."""
    messages = [{"role": "user", "content": "Hello"}]
    return {"request": _written({"model": model, "messages": messages})}


def question_about(generation: Generation, content: Content | None, key: str) -> dict[str, Any]:
    """The form filled in with a request of the log; without its content, with what else is known of it."""
    body: Mapping[str, Any]
    if content is not None:
        body = body_of(generation, content)
    elif generation.dialect == "embeddings":
        body = {"model": generation.model, "input": UNKNOWN_TEXT}
    else:
        body = {"model": generation.model, "messages": [{"role": "user", "content": UNKNOWN_TEXT}]}
    seed = (generation.detail or {}).get("seed")
    return {
        "request": _written(body),
        "dialect": "embeddings" if "input" in body else "chat",
        "key": key,
        "seed": seed if isinstance(seed, int) else None,
    }


def _written(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)
