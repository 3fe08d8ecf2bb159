"""LangChain's OpenRouter chat model, as its users call it; prints what came of each call, as JSON."""

import json

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openrouter import ChatOpenRouter
from pydantic import BaseModel

TEXT = "the quick brown fox"


class Place(BaseModel):
    """Where something is."""

    city: str
    population: int


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


echo, tools = ChatOpenRouter(model="simulator/echo"), ChatOpenRouter(model="simulator/tools")
told = echo.invoke(TEXT)
chunks = list(echo.stream(TEXT))
whole = chunks[0]
for chunk in chunks[1:]:
    whole += chunk
question = HumanMessage('{"city": "Oslo"}')
asked = tools.bind_tools([weather]).invoke([question])
[call] = asked.tool_calls
streamed = None
for chunk in tools.bind_tools([weather]).stream([question]):
    streamed = chunk if streamed is None else streamed + chunk
result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
last = tools.bind_tools([weather]).invoke([question, asked, result])

print(
    json.dumps(
        {
            "chat": {
                "text": told.content,
                "input": told.usage_metadata["input_tokens"],
                "output": told.usage_metadata["output_tokens"],
            },
            "stream": {
                "text": whole.content,
                "input": whole.usage_metadata["input_tokens"],
                "output": whole.usage_metadata["output_tokens"],
            },
            "tool": {"name": call["name"], "arguments": call["args"], "then": last.content},
            "streamed_tool": streamed.tool_calls[0]["args"],
            "by_schema": echo.with_structured_output(Place, method="json_schema").invoke(TEXT).model_dump(),
            "by_tool": tools.with_structured_output(Place, method="function_calling")
            .invoke(TEXT)
            .model_dump(),
        }
    )
)
