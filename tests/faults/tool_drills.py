"""What is done in the middle of requests whose model runs server tools, and what was seen while it was done.

Each of the requests stands at a moment of its own: in a later answer of its model, before that one's first token, in a
tool that asks a slow model, in a panel of which a part has answered, in a search that somebody is paid for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from routing.simulator.record import read_calls
from tests.faults.drills import is_all_booked
from tests.faults.harness import GATEWAYS, Drill
from tests.faults.load import Callers, Trace, words
from tests.faults.report import Seen
from tests.faults.slow_search import WAIT
from tests.routing.simulator.asks import calling, script

LONG = "9000"
"""Milliseconds that a slow model thinks: longer than it takes to bring everything to its moment."""
PANEL = ("simulator/panel-1", "simulator/panel-2", "simulator/slow")
OPEN = Counter({"simulator/slow": 2, "simulator/script": 2})
"""The calls of models that are open at that moment."""
BOOKED_SECONDS = 60.0


def tool(slug: str, **parameters: Any) -> dict[str, Any]:
    """An entry of a request's tools."""
    return {"type": f"openrouter:{slug}", "parameters": parameters}


def loop(text: str, *tools: dict[str, Any], is_streamed: bool = True, **more: Any) -> dict[str, Any]:
    """A request for the model that does as the text says."""
    messages = [{"role": "user", "content": text}]
    asked = {"model": "simulator/script", "messages": messages, "tools": list(tools), "max_tokens": 100}
    return {**asked, "stream": is_streamed, **more}


def searching(query: str) -> dict[str, Any]:
    """A request that searches once."""
    return loop(script(calling("web_search", {"query": query}), {"say": "$results"}), tool("web_search"))


def bodies() -> list[dict[str, Any]]:
    """A request for each moment."""
    late = {"say": "late", "milliseconds": int(LONG)}
    panel = tool("fusion", analysis_models=list(PANEL), model="simulator/echo", tools=[])
    return [
        loop(
            script(calling("advisor", {"prompt": words(40)}), {"say": words(80)}),
            tool("advisor", model="simulator/echo"),
            simulator={"chunk_delay_ms": 100},
        ),
        loop(script(calling("datetime"), late), tool("datetime"), is_streamed=False),
        loop(script(calling("advisor", {"prompt": LONG}), late), tool("advisor", model="simulator/slow")),
        loop(script(calling("fusion", {"prompt": LONG}), late), panel),
        searching(WAIT),
    ]


@dataclass(frozen=True)
class SeenInTools(Seen):
    """What became of them, and of the searches: those that are charged, and those that the engine has answered."""

    streamed: Trace
    charged_searches: int
    served_searches: int
    free_searches: int


def in_the_middle(drill: Drill, act: Callable[[Drill, Callers], list[Trace]]) -> SeenInTools:
    """Do something while requests stand at all of these moments, after two searches that were delivered."""
    drill.search.release()
    key, before, callers = drill.new_key(), drill.callers(), drill.callers()
    before.send(key, searching("lights"), searching("more lights"))
    finished = before.finish()
    since = time.time()
    callers.send(key, *bodies())
    drill.stack.wait(lambda: _do_all_stand(drill, since, callers), what="requests at their moments")
    traces = act(drill, callers)
    served = drill.search.served
    drill.search.release()
    verdict = drill.judge([*finished, *traces], seconds=BOOKED_SECONDS)
    charged, free = drill.oracle.services()
    return SeenInTools(verdict, [*finished, *traces], traces[0], charged, served, free)


def _do_all_stand(drill: Drill, since: float, callers: Callers) -> bool:
    calls = [
        one for one in read_calls(drill.stack.simulator_record).values() if one.started_at > since * 10**6
    ]
    is_open = Counter(one.model for one in calls if one.outcome == "open")
    has_said = {one.model for one in calls if one.outcome == "done"}
    is_panel_half_done = has_said.issuperset(PANEL[:2])
    is_streaming = len(callers.traces[0].arrivals) > 3
    return is_open == OPEN and is_panel_half_done and is_streaming and drill.search.waiting == 1


def kill(drill: Drill, callers: Callers) -> list[Trace]:
    """Kill both gateways without a word."""
    drill.replace(*GATEWAYS)
    return callers.finish()


def leave(drill: Drill, callers: Callers) -> list[Trace]:
    """Have all callers hang up."""
    return callers.hang_up()


def stop_database(drill: Drill, seconds: float) -> Seen:
    """Stop PostgreSQL under loops that go on all the time."""
    step = {**calling("datetime"), "milliseconds": 100, "else": "Enough."}
    callers = drill.callers()
    bodies = [loop(script(step), tool("datetime"), is_streamed=is_streamed) for is_streamed in (True, False)]
    callers.keep_sending(drill.new_key(), bodies, callers=4)
    drill.stack.wait(lambda: callers.statuses_since(0).count(200) >= 4, what="answers")
    drill.stack.hold("postgres")
    time.sleep(seconds)
    drill.stack.release("postgres")
    time.sleep(1.0)
    traces = callers.finish()
    drill.stack.wait(lambda: is_all_booked(drill, traces), BOOKED_SECONDS, "everything in the books")
    return Seen(drill.judge(traces), traces)
