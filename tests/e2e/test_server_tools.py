"""Tools that the gateway runs for the model, as the official clients see them, and what every step of it cost."""

from __future__ import annotations

import json
import secrets
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest
from openrouter import OpenRouter, errors

from routing.simulator.record import read_calls
from tests.e2e.recorder import keys_of
from tests.e2e.small_web import SENTENCE, SmallWeb
from tests.e2e.tool_clients import (
    CLIENTS,
    AnthropicMessages,
    Asking,
    Json,
    OpenAIChat,
    OpenRouterChat,
    Turn,
    server_tool,
)
from tests.live_stack import LiveStack, running_stack, stack_folder
from tests.routing.simulator.asks import calling, script

pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]

SEARCH_USD = Decimal("0.007")
BOOKED_SECONDS = 30.0
PANEL = ("panel-1", "panel-2", "panel-3", "panel-4", "panel-5", "slow", "error-429", "error-500")
REFUSALS = (openai.APIStatusError, anthropic.APIStatusError, errors.OpenRouterError)
STREAMED = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
ASKING = pytest.mark.parametrize("asking", CLIENTS, ids=[client.__name__ for client in CLIENTS])


@dataclass(frozen=True)
class Case:
    """A tool, what the model calls it with, and what of its result the answer must hold."""

    kind: str
    arguments: Callable[[SmallWeb], Json]
    expected: str
    parameters: Json
    generations: int = 2
    """Calls of models in all: at least the one that called and the one that answers."""
    searches: int = 0

    @property
    def slug(self) -> str:
        return self.kind.partition(":")[2].removeprefix("experimental__")


CASES = (
    Case("openrouter:datetime", lambda web: {"timezone": "Asia/Tokyo"}, "Asia/Tokyo", {}),
    Case("openrouter:web_search", lambda web: {"query": "lighthouses"}, SENTENCE, {}, searches=1),
    Case("openrouter:web_fetch", lambda web: {"url": web.page}, SENTENCE, {}),
    Case(
        "openrouter:experimental__search_models",
        lambda web: {"query": "understudy"},
        "understudy/script",
        {"max_results": 3},
    ),
    Case(
        "openrouter:advisor",
        lambda web: {"prompt": "left or right?"},
        "panel-1 says: left or right?",
        {"model": "simulator/panel-1"},
        generations=3,
    ),
    Case(
        "openrouter:subagent",
        lambda web: {"task_name": "count", "task_description": "count to three"},
        "panel-2 says: count to three",
        {"model": "simulator/panel-2"},
        generations=3,
    ),
    Case(
        "openrouter:fusion",
        lambda web: {},
        "panel-2 says: ",
        {
            "analysis_models": ["simulator/panel-1", "simulator/panel-2"],
            "model": "simulator/echo",
            "tools": [],
        },
        generations=5,
    ),
)


class World:
    """A stack, the web around it, and a key of its Default workspace."""

    def __init__(self, stack: LiveStack, web: SmallWeb) -> None:
        self.stack, self.web = stack, web
        self.base: str = stack.demo["base_url"]
        self.management_key, self.key = keys_of(stack.demo)

    def asking(self, client: type[Asking]) -> Asking:
        """A client with the key."""
        return client(self.base, self.key)

    def generations_at_the_provider(self) -> set[str]:
        """The ids of all generations that called a model, by the provider's own record."""
        calls = read_calls(self.stack.simulator_record).values()
        return {call.request_id for call in calls if call.request_id}

    def generation(self, identifier: str, key: str | None = None) -> Json:
        """What the API tells of one, exact; it waits for what is booked only in a moment."""
        url = f"{self.base}/generation?id={urllib.parse.quote(identifier)}"
        headers = {"Authorization": f"Bearer {key or self.management_key}"}
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=15) as answer:
            found: Json = json.loads(answer.read(), parse_float=Decimal)["data"]
        return found

    def whole(self, identifier: str, generations: int) -> Json:
        """A request's first generation, as soon as so many of its generations are booked."""
        deadline = time.monotonic() + BOOKED_SECONDS
        while (found := self.generation(identifier))["request_generations"] != generations:
            assert time.monotonic() < deadline, f"{found['request_generations']} are not {generations}"
            time.sleep(0.1)
        return found


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One stack for the module, whose operator has a search engine."""
    web = SmallWeb()
    given = {
        "HEADGATE_EXA_API_KEY": "exa-key",
        "HEADGATE_EXA_URL": web.url,
        "HEADGATE_WEB_SEARCH_USD": str(SEARCH_USD),
        "HEADGATE_OUTBOUND_ALLOW": "127.0.0.0/8",
    }
    with stack_folder() as folder, running_stack(folder / "var", "--demo", given=given) as stack:
        yield World(stack, web)
    web.stop()


def ask(
    asking: Asking, text: str, tools: Sequence[Json], *, is_streamed: bool = False, **limits: Any
) -> Turn:
    return asking.ask(asking.question(text), tools, is_streamed=is_streamed, **limits)


class TestACallersOwnFunction:
    @ASKING
    @STREAMED
    def test_is_his_to_run_though_it_is_called_like_one_of_ours(self, world, asking, is_streamed):
        client = world.asking(asking)
        tools = [client.function("openrouter_datetime"), client.function("openrouter_web_search")]
        call = {"name": "openrouter_web_search", "arguments": {"query": "now"}}
        both = calling("datetime", {"timezone": "UTC"})
        talk = client.question(script({"calls": [*both["calls"], call]}, {"say": "They said: $results"}))

        turn = client.ask(talk, tools, is_streamed=is_streamed)
        talk += client.answered(turn, ["noon", "nothing"])
        last = client.ask(talk, tools, is_streamed=is_streamed)

        assert [call[1:] for call in turn.calls] == [
            ("openrouter_datetime", {"timezone": "UTC"}),
            ("openrouter_web_search", {"query": "now"}),
        ]
        assert (turn.is_waiting, len({call[0] for call in turn.calls})) == (True, 2)
        assert (last.text, last.calls, last.is_waiting) == ("They said: noon\nnothing", (), False)
        assert world.generation(turn.id)["total_cost"] == turn.cost

    @ASKING
    @STREAMED
    def test_ends_the_turn_alone_when_it_is_called_beside_one_of_ours(self, world, asking, is_streamed):
        client = world.asking(asking)
        both = calling("datetime", {})["calls"] + calling("weather", {"city": "Oslo"})["calls"]

        turn = ask(
            client,
            script({"calls": both}, {"say": "never"}),
            [server_tool("openrouter:datetime"), client.function("weather")],
            is_streamed=is_streamed,
        )

        assert [call[1:] for call in turn.calls] == [("weather", {"city": "Oslo"})]
        assert turn.is_waiting

    @ASKING
    @STREAMED
    def test_ends_the_turn_when_it_is_called_after_one_of_ours(self, world, asking, is_streamed):
        client = world.asking(asking)

        turn = ask(
            client,
            script(calling("datetime", {}), calling("weather", {"city": "Oslo"}), {"say": "never"}),
            [client.function("weather"), server_tool("openrouter:datetime")],
            is_streamed=is_streamed,
        )

        assert [call[1:] for call in turn.calls] == [("weather", {"city": "Oslo"})]
        assert turn.is_waiting


class TestATool:
    @ASKING
    @STREAMED
    @pytest.mark.parametrize("case", CASES, ids=[case.slug for case in CASES])
    def test_is_run_and_every_step_is_booked(self, world, asking, is_streamed, case):
        before = world.generations_at_the_provider()

        turn = ask(
            world.asking(asking),
            script(calling(case.slug, case.arguments(world.web)), {"say": "It said: $results"}),
            [server_tool(case.kind, **case.parameters)],
            is_streamed=is_streamed,
        )

        assert turn.text.startswith("It said: ")
        assert case.expected in turn.text
        assert (turn.calls, turn.is_waiting) == ((), False)
        if asking is not AnthropicMessages:  # Messages has no word for it
            assert turn.tools_used["tool_calls_requested"] == turn.tools_used["tool_calls_executed"] == 1
        made = world.generations_at_the_provider() - before
        assert len(made) == case.generations
        steps = [world.generation(one) for one in made]
        assert {step["request_id"] for step in steps} == {turn.id}
        assert sum(step["total_cost"] for step in steps) + case.searches * SEARCH_USD == turn.cost
        assert world.whole(turn.id, len(made) + case.searches)["request_cost"] == turn.cost

    def test_has_its_generations_told_to_the_key_that_paid(self, world):
        before = world.generations_at_the_provider()

        turn = ask(
            world.asking(OpenAIChat),
            script(calling("advisor", {"prompt": "left or right?"}), {"say": "$results"}),
            [server_tool("openrouter:advisor", model="simulator/panel-1")],
        )

        steps = [world.generation(one, world.key) for one in world.generations_at_the_provider() - before]
        assert len(steps) == 3
        assert {step["request_id"] for step in steps} == {turn.id}
        assert sorted(step["model"] for step in steps).count("simulator/panel-1") == 1

    @ASKING
    def test_is_called_several_times_and_beside_others(self, world, asking):
        twice = calling("datetime", {})["calls"] + calling("search_models", {"query": "flat"})["calls"]

        turn = ask(
            world.asking(asking),
            script({"calls": twice}, calling("datetime", {"timezone": "Asia/Tokyo"}), {"say": "$results"}),
            [server_tool("openrouter:datetime"), server_tool("openrouter:experimental__search_models")],
        )

        assert [word in turn.text for word in ("UTC", "simulator/flat", "Asia/Tokyo")] == [True] * 3
        if asking is not AnthropicMessages:
            assert turn.tools_used["tool_calls_executed"] == 3

    def test_that_fails_is_told_to_the_model_and_not_to_the_caller(self, world):
        turn = ask(
            world.asking(OpenAIChat),
            script(calling("datetime", {"timezone": "Nowhere/None"}), {"say": "It said: $results"}),
            [server_tool("openrouter:datetime")],
        )

        assert "Nowhere/None" in turn.text
        assert not turn.is_waiting

    def test_may_be_used_by_the_model_that_a_task_is_handed_to(self, world):
        task = script(calling("datetime", {"timezone": "Asia/Tokyo"}), {"say": "The time: $results"})

        turn = ask(
            world.asking(OpenAIChat),
            script(
                calling("subagent", {"task_name": "time", "task_description": task}),
                {"say": "It said: $results"},
            ),
            [
                server_tool(
                    "openrouter:subagent",
                    model="understudy/script",
                    tools=[{"type": "openrouter:datetime"}],
                )
            ],
        )

        assert "The time: " in turn.text
        assert "Asia/Tokyo" in turn.text


class TestAPanelOfEight:
    @ASKING
    @STREAMED
    def test_answers_although_two_fail_and_one_is_slow(self, world, asking, is_streamed):
        models = [f"simulator/{name}" for name in PANEL]

        turn = ask(
            world.asking(asking),
            script(calling("fusion", {}), {"say": "$results"}),
            [server_tool("openrouter:fusion", analysis_models=models, model="simulator/echo", tools=[])],
            is_streamed=is_streamed,
        )

        assert [f"{name} says: " in turn.text for name in PANEL[:5]] == [True] * 5
        assert [f"simulator/{name}" in turn.text for name in PANEL[5:]] == [True] * 3
        assert world.whole(turn.id, 2 + len(PANEL) + 1)["request_cost"] == turn.cost


FOREVER = script(calling("datetime", {}, **{"else": "Enough: $results"}))
CONDITIONS: dict[str, Json] = {
    "step_count_is": {"step_count": 1},
    "has_tool_call": {"tool_name": "openrouter:datetime"},
    "max_tokens_used": {"max_tokens": 1},
    "max_cost": {"max_cost_in_dollars": 0.0000001},
    "finish_reason_is": {"reason": "tool_calls"},
}


class TestAModelThatNeverStops:
    @pytest.mark.parametrize("asking", [client for client in CLIENTS if client.takes_max_tool_calls])
    @STREAMED
    def test_must_answer_after_as_many_calls_as_it_may_make(self, world, asking, is_streamed):
        before = world.generations_at_the_provider()

        turn = ask(
            world.asking(asking),
            FOREVER,
            [server_tool("openrouter:datetime")],
            is_streamed=is_streamed,
            max_tool_calls=2,
        )

        assert turn.text.startswith("Enough: ")
        assert (turn.calls, turn.is_waiting) == ((), False)
        assert len(world.generations_at_the_provider() - before) == 3

    @pytest.mark.parametrize("asking", [OpenAIChat, OpenRouterChat, AnthropicMessages])
    @pytest.mark.parametrize("kind", CONDITIONS)
    def test_must_answer_when_a_condition_comes_about(self, world, asking, kind):
        before = world.generations_at_the_provider()

        turn = ask(
            world.asking(asking),
            FOREVER,
            [server_tool("openrouter:datetime")],
            stop_server_tools_when=[{"type": kind, **CONDITIONS[kind]}],
        )

        assert turn.text.startswith("Enough: ")
        assert '"UTC"' in turn.text  # the calls at hand were run
        assert len(world.generations_at_the_provider() - before) == 2

    def test_must_answer_after_thirty_calls_if_nothing_is_said(self, world):
        turn = ask(world.asking(OpenAIChat), FOREVER, [server_tool("openrouter:datetime")])

        assert turn.text.startswith("Enough: ")
        assert turn.tools_used["tool_calls_executed"] == 30


@pytest.fixture(scope="module")
def strict_key(world: World) -> Iterator[str]:
    """A key of a workspace that has disabled a tool."""
    with OpenRouter(api_key=world.management_key, server_url=world.base) as manager:
        slug = f"strict-{secrets.token_hex(4)}"
        made = manager.workspaces.create(
            name="Strict", slug=slug, disabled_server_tools=["openrouter:datetime"]
        ).data
        yield manager.api_keys.create(name="strict", workspace_id=made.id).key
        manager.workspaces.update(id=made.id, disabled_server_tools=[])


class TestADisabledTool:
    @ASKING
    @STREAMED
    def test_is_refused_by_name(self, world, strict_key, asking, is_streamed):
        client = asking(world.base, strict_key)
        before = world.generations_at_the_provider()

        with pytest.raises(REFUSALS) as refusal:
            ask(client, FOREVER, [server_tool("openrouter:datetime")], is_streamed=is_streamed)

        assert refusal.value.status_code == 403
        assert "openrouter:datetime" in str(getattr(refusal.value, "body", ""))
        assert world.generations_at_the_provider() == before

    def test_leaves_the_others_alone(self, world, strict_key):
        turn = ask(
            OpenAIChat(world.base, strict_key),
            script(calling("search_models", {"query": "flat"}), {"say": "$results"}),
            [server_tool("openrouter:experimental__search_models")],
        )

        assert "simulator/flat" in turn.text


class TestTheBooks:
    def test_are_in_order_after_all_of_it(self, world):
        assert "clean" in world.stack.manage("reconcile")
