"""First requests to copy: the same call as curl, Python and JavaScript."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import HttpRequest

from config.lib.environment import environment
from workspaces.models import Workspace

KEY_VARIABLE = "HEADGATE_API_KEY"
SIMULATED_MODEL, COMMON_MODEL = "simulator/echo", "openai/gpt-4o-mini"
GREETING = "Say hello in one sentence."

CURL = """\
curl {base_url}/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{body}'"""

PYTHON = """\
{imports}from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key={key})
stream = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "{greeting}"}}],
    stream=True,
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)"""

JAVASCRIPT = """\
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base_url}", apiKey: {key} }});
const stream = await client.chat.completions.create({{
  model: "{model}",
  messages: [{{ role: "user", content: "{greeting}" }}],
  stream: true,
}});
for await (const chunk of stream) {{
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}}"""


@dataclass(frozen=True)
class Snippet:
    """A first request in one language."""

    language: str
    text: str


def api_address(request: HttpRequest) -> str:
    """Where the API answers whoever reads this page: at the host that he reached, which settings have vetted.

    At the address of the settings its scheme holds too, as a proxy may keep it to itself.
    """
    ours = environment().base_url.rstrip("/")
    if urlsplit(ours).netloc != request.get_host():
        ours = f"{request.scheme}://{request.get_host()}"
    return f"{ours}/api/v1"


def snippets(
    workspace: Workspace, base_url: str, *, secret: str | None = None, model: str = ""
) -> list[Snippet]:
    """The workspace's first request with the secret in it, or with the variable that should hold it.

    `base_url`: where the API answers the reader. `model`: whom it asks, else one that a newcomer can call.
    """
    model = model or example_model(workspace)
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": GREETING}]})
    common = {"base_url": base_url, "model": model, "greeting": GREETING, "body": body}
    quoted = json.dumps(secret)
    from_python = quoted if secret else f'os.environ["{KEY_VARIABLE}"]'
    from_javascript = quoted if secret else f"process.env.{KEY_VARIABLE}"
    imports = "" if secret else "import os\n\n"
    return [
        Snippet("curl", CURL.format(key=secret or f"${KEY_VARIABLE}", **common)),
        Snippet("Python", PYTHON.format(key=from_python, imports=imports, **common)),
        Snippet("JavaScript", JAVASCRIPT.format(key=from_javascript, **common)),
    ]


def example_model(workspace: Workspace) -> str:
    """A model that a newcomer can call: the workspace's default, or the simulator where there is one."""
    if workspace.default_text_model:
        return workspace.default_text_model
    return SIMULATED_MODEL if environment().simulator_url else COMMON_MODEL
