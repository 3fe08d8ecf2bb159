"""Which providers the seed has, and how their own names of models become slugs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A provider of the seed. With an `author` its models are its own; without, it hosts what others made.

    `priced_as` is its id in genai-prices, `only` the beginning of the models that count.
    """

    slug: str
    name: str
    base_url: str
    variable: str
    headquarters: str
    priced_as: str
    author: str | None = None
    only: str = ""
    upstream_prefix: str = ""
    wire_format: str = "openai"


def _lab(
    slug: str, name: str, url: str, variable: str, author: str, country: str = "US", **more: str
) -> Source:
    return Source(slug, name, url, variable, country, more.pop("priced_as", slug), author, **more)


def _host(slug: str, name: str, url: str, variable: str, **more: str) -> Source:
    return Source(slug, name, url, variable, "US", slug, **more)


GEMINI = "https://generativelanguage.googleapis.com/v1beta"
SOURCES = (
    _lab("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY", "openai"),
    _lab(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        "anthropic",
        wire_format="anthropic",
    ),
    _lab(
        "google-ai-studio",
        "Google AI Studio",
        GEMINI,
        "GEMINI_API_KEY",
        "google",
        priced_as="google",
        only="gemini-",
        wire_format="gemini",
    ),
    _lab("mistral", "Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "mistralai", "FR"),
    _lab("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek", "CN"),
    _lab("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY", "x-ai", priced_as="x-ai"),
    _lab("moonshotai", "Moonshot AI", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", "moonshotai", "CN"),
    _lab(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        "perplexity",
        only="sonar",
    ),
    _host("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    _host("together", "Together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    _host(
        "fireworks",
        "Fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        upstream_prefix="accounts/fireworks/models/",
    ),
    _host("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
)
OPENROUTER = _host("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY")
AUTHORS = frozenset(
    {
        "anthropic",
        "cohere",
        "deepseek",
        "google",
        "meta-llama",
        "minimax",
        "mistralai",
        "moonshotai",
        "openai",
        "perplexity",
        "qwen",
        "x-ai",
        "z-ai",
    }
)
"""Whose models are taken over from OpenRouter's list."""

ALIASES = {
    "llama-3.3-70b-versatile": "meta-llama/llama-3.3-70b-instruct",
    "llama-3.1-8b-instant": "meta-llama/llama-3.1-8b-instruct",
    "llama-3.3-70b": "meta-llama/llama-3.3-70b-instruct",
    "llama3.1-8b": "meta-llama/llama-3.1-8b-instruct",
    "llama-v3p1-8b-instruct": "meta-llama/llama-3.1-8b-instruct",
    "meta-llama/llama-3.3-70b-instruct-turbo": "meta-llama/llama-3.3-70b-instruct",
    "meta-llama/llama-4-maverick-17b-128e-instruct": "meta-llama/llama-4-maverick",
    "meta-llama/llama-4-scout-17b-16e-instruct": "meta-llama/llama-4-scout",
    "qwen-3-32b": "qwen/qwen3-32b",
    "gpt-oss-120b": "openai/gpt-oss-120b",
    "gpt-oss-20b": "openai/gpt-oss-20b",
    "deepseek-v3p2": "deepseek/deepseek-v3.2",
    "kimi-k2p6": "moonshotai/kimi-k2.6",
    "minimax-m2p7": "minimax/minimax-m2.7",
}
"""Hosts' own names of models that the list knows by another one."""
