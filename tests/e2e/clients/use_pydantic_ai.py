"""pydantic-ai with its OpenRouter provider, as its users run agents; prints what came of each run, as JSON."""

import asyncio
import json
import os

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openrouter import OpenRouterModel
from pydantic_ai.providers.openrouter import OpenRouterProvider

TEXT = "the quick brown fox"


class Place(BaseModel):
    """Where something is."""

    city: str
    population: int


async def main() -> None:
    """Run every kind of agent once."""
    client = AsyncOpenAI(base_url=os.environ["OPENROUTER_API_BASE"], api_key=os.environ["OPENROUTER_API_KEY"])
    provider = OpenRouterProvider(openai_client=client)
    echo, tools = (OpenRouterModel(f"simulator/{name}", provider=provider) for name in ("echo", "tools"))
    told = await Agent(echo).run(TEXT)
    async with Agent(echo).run_stream(TEXT) as streamed:
        pieces = [piece async for piece in streamed.stream_text(delta=True, debounce_by=None)]
        usage = streamed.usage
    calls = []
    forecaster = Agent(tools)

    @forecaster.tool_plain
    def weather(city: str) -> str:
        """Tell the weather of a city."""
        calls.append({"city": city})
        return f"sunny in {city}"

    forecast = await forecaster.run('{"city": "Oslo"}')
    # pydantic-ai knows of no simulator; what such a model can do, its user says.
    able = OpenRouterModel("simulator/echo", provider=provider, profile={"supports_json_schema_output": True})
    by_schema = await Agent(able, output_type=NativeOutput(Place)).run(TEXT)
    by_tool = await Agent(tools, output_type=Place).run(TEXT)
    async with Agent(tools, output_type=Place).run_stream(TEXT) as streamed:
        place = await streamed.get_output()
    print(
        json.dumps(
            {
                "chat": seen(told.output, told.usage),
                "stream": seen("".join(pieces), usage),
                "tool": {"name": "weather", "arguments": calls[0], "then": forecast.output},
                "streamed_tool": place.model_dump(),
                "by_schema": by_schema.output.model_dump(),
                "by_tool": by_tool.output.model_dump(),
            }
        )
    )


def seen(text, usage):
    """What a run said and used."""
    return {"text": text, "input": usage.input_tokens, "output": usage.output_tokens}


asyncio.run(main())
