"""What the tools have in common that ask one model in the model's name: the advisor and the subagent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from config.lib.declared import Choice, Field, Group, NotValid, Number, Text, Whole, read
from routing.tools.tool import FUNCTION, PREFIXES, Answered, Bench, Config, Json, ServerTool, Use

EFFORTS = ("max", "xhigh", "high", "medium", "low", "minimal", "none")
LONGEST_SLUG = 500
"""Of a model, as in requests."""
LONGEST_INSTRUCTIONS = 100_000
LONGEST_QUESTION = 200_000
"""Characters that a model may send another one."""
LONGEST_ANSWER = 100_000
"""Characters of an answer that the asking model is given."""
LONGEST_FAULT = 500
SECONDS = 600.0
PASSED_ON = ("max_completion_tokens", "reasoning", "temperature")


@dataclass(frozen=True, kw_only=True)
class Name(Text):
    """A string that counts without the blanks around it."""

    def read(self, value: Any) -> str:  # JSON of any kind
        return super().read(value.strip() if isinstance(value, str) else value)


class AskingTool(ServerTool):
    """A tool that a request may have several of, each with a name and a model of its own."""

    most_instances = 16
    most_asked: ClassVar[int]
    """How often all entries of it together may ask a model for one request."""
    asked: ClassVar[tuple[Field, ...]]
    """The arguments that the model gives."""
    fields: ClassVar[tuple[Field, ...]] = (
        Name(name="name", most=64, pattern=r"[A-Za-z0-9 _-]+", help="What the model knows it by."),
        Text(name="model", most=LONGEST_SLUG, help="Whom it asks; the request's model unless told."),
        Text(name="instructions", most=LONGEST_INSTRUCTIONS, help="The system prompt of who is asked."),
        Whole(name="max_completion_tokens", minimum=1, help="How long an answer may be, thoughts included."),
        Group(
            name="reasoning",
            help="How much who is asked thinks.",
            fields=(Choice(name="effort", values=EFFORTS), Whole(name="max_tokens", minimum=1)),
        ),
        Number(name="temperature", maximum=2, help="The temperature of who is asked."),
    )

    def read_config(self, given: Mapping[str, Any]) -> Json:
        """An entry's parameters; none of these tools is a model. Raises NotValid."""
        config = super().read_config(given)
        if config.get("model", "").lower().startswith(PREFIXES):
            raise NotValid("parameters.model", "is a tool and no model")
        return config

    def check_together(self, uses: Sequence[Use]) -> Iterator[tuple[Use, str, str]]:
        """One entry may be without a name, and no two have the same."""
        first: dict[str | None, Use] = {}
        for use in uses:
            name = use.config.get("name")
            if (taken := first.setdefault(name, use)) is use:
                continue
            if name is None:
                only = f"Only one {self.slug} tool can serve as the default."
                yield use, "", f"{only} All other {self.slug} tools must have a name defined"
            else:
                yield use, "name", f"must be unique, and is the name of {taken.where} as well"

    def models_of(self, use: Use, bench: Bench) -> Iterator[tuple[str, str]]:
        """The model that the entry names; the request's own is judged without it."""
        if "model" in use.config:
            yield use.config["model"], f"{use.where}.parameters.model"

    def arguments_of(self, arguments: Json, use: Use) -> Json:
        """What of the model's arguments is heeded: not what is empty or fixed by the entry. Raises NotValid."""
        open_fields = [field.name for field in self.asked if field.name not in use.config]
        wanted = read(self.asked, {name: arguments.get(name) or None for name in open_fields})
        for name, text in wanted.items():
            if isinstance(text, str) and not _is_unicode(text):
                raise NotValid(name, "must be text.")
        return wanted

    def may_ask(self, bench: Bench) -> bool:
        """Count one more question of the request; whether it may still be asked."""
        name = f"{FUNCTION}{self.slug}.asked"
        bench.memory[name] = bench.memory.get(name, 0) + 1
        return bool(bench.memory[name] <= self.most_asked)

    @property
    def spent(self) -> str:
        """What the model is told when it may not ask any more."""
        return f"This can be called {self.most_asked} times a request, which it was: go on without."


def question(config: Config, models: Sequence[str], messages: Sequence[Json]) -> Json:
    """The Chat Completions body for whom is asked; without a model it is the workspace's default one."""
    body: Json = {name: config[name] for name in PASSED_ON if name in config}
    if models:
        body["model"] = models[0]
    if len(models) > 1:
        body["models"] = list(models[1:])
    return {**body, "messages": [*instructed(config), *messages]}


def instructed(config: Config) -> list[Json]:
    """The instructions as the system prompt that they are."""
    return [{"role": "system", "content": config["instructions"]}] if "instructions" in config else []


def fault_of(answered: Answered) -> str | None:
    """Why there is no answer that could be used, or None."""
    if answered.error is not None:
        return answered.error[:LONGEST_FAULT]
    if answered.text.strip():
        return None
    return f"the model said nothing (finish_reason {str(answered.finish_reason)[:50]})."


def cut(text: str) -> str:
    """An answer, shortened where it is very long."""
    if len(text) <= LONGEST_ANSWER:
        return text
    return f"{text[:LONGEST_ANSWER]}\n\n[{len(text) - LONGEST_ANSWER} more characters were left out.]"


def _is_unicode(text: str) -> bool:
    """Whether it can be written down: JSON can escape halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
