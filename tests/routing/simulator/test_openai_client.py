"""What a real client makes of it: the official `openai` package."""

import openai
import pytest

from tests.routing.simulator.asks import PLACE

MESSAGES = [{"role": "user", "content": "one two three"}]
TOOLS = [{"type": "function", "function": {"name": "find_place", "parameters": PLACE}}]


@pytest.fixture
def client(simulator):
    with openai.OpenAI(base_url=f"{simulator.url}/simulator-fast/v1", api_key="any", max_retries=0) as client:
        yield client


class TestTheOfficialClient:
    def test_chats(self, client):
        answer = client.chat.completions.create(model="simulator/echo", messages=MESSAGES)

        assert answer.choices[0].message.content == "one two three"
        assert answer.usage.total_tokens == 6

    def test_streams_with_usage(self, client):
        options = {"include_usage": True}
        chunks = list(
            client.chat.completions.create(
                model="simulator/echo", messages=MESSAGES, stream=True, stream_options=options
            )
        )

        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert text == "one two three"
        assert chunks[-1].usage.completion_tokens == 3

    def test_calls_a_tool(self, client):
        answer = client.chat.completions.create(model="simulator/tools", messages=MESSAGES, tools=TOOLS)

        [call] = answer.choices[0].message.tool_calls
        assert (call.function.name, call.function.arguments) == ("find_place", '{"city": "Oslo"}')

    def test_streams_a_tool_call(self, client):
        with client.chat.completions.stream(
            model="simulator/tools", messages=MESSAGES, tools=TOOLS
        ) as stream:
            stream.until_done()
            answer = stream.get_final_completion()

        [call] = answer.choices[0].message.tool_calls
        assert (call.function.name, call.function.arguments) == ("find_place", '{"city": "Oslo"}')

    def test_embeds(self, client):
        answer = client.embeddings.create(model="simulator/embed", input=["one", "two"], dimensions=16)

        assert [len(item.embedding) for item in answer.data] == [16, 16]
        assert isinstance(answer.data[0].embedding[0], float)

    def test_completes_a_prompt(self, client):
        answer = client.completions.create(model="simulator/lorem", prompt="go", max_tokens=5)

        assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (5, "length")

    def test_lists_the_models(self, client):
        assert "simulator/echo" in {model.id for model in client.models.list()}

    @pytest.mark.parametrize(
        ("model", "error"),
        [
            ("error-429", openai.RateLimitError),
            ("error-401", openai.AuthenticationError),
            ("error-503", openai.InternalServerError),
            ("nothing", openai.NotFoundError),
        ],
    )
    def test_understands_the_errors(self, client, model, error):
        with pytest.raises(error):
            client.chat.completions.create(model=f"simulator/{model}", messages=MESSAGES)

    def test_notices_a_stream_that_is_cut(self, client):
        stream = client.chat.completions.create(model="simulator/cut", messages=MESSAGES, stream=True)

        with pytest.raises(openai.APIConnectionError):
            list(stream)
