"""What an operator can set for plugins: whose services they may ask, and what that costs."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PluginEnvironment(BaseSettings):
    """A part of the environment. A search engine is there when its key is set, SearXNG when its address is."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    exa_api_key: str = Field("", alias="HEADGATE_EXA_API_KEY")
    exa_url: str = Field("https://api.exa.ai", alias="HEADGATE_EXA_URL")
    tavily_api_key: str = Field("", alias="HEADGATE_TAVILY_API_KEY")
    tavily_url: str = Field("https://api.tavily.com", alias="HEADGATE_TAVILY_URL")
    parallel_api_key: str = Field("", alias="HEADGATE_PARALLEL_API_KEY")
    parallel_url: str = Field("https://api.parallel.ai", alias="HEADGATE_PARALLEL_URL")
    perplexity_api_key: str = Field("", alias="HEADGATE_PERPLEXITY_API_KEY")
    perplexity_url: str = Field("https://api.perplexity.ai", alias="HEADGATE_PERPLEXITY_URL")
    firecrawl_api_key: str = Field("", alias="HEADGATE_FIRECRAWL_API_KEY")
    firecrawl_url: str = Field("https://api.firecrawl.dev", alias="HEADGATE_FIRECRAWL_URL")
    searxng_url: str = Field("", alias="HEADGATE_SEARXNG_URL")
    web_search_usd: Decimal = Field(
        Decimal(0), ge=0, le=1000, decimal_places=9, alias="HEADGATE_WEB_SEARCH_USD"
    )
    web_result_usd: Decimal = Field(
        Decimal(0), ge=0, le=1000, decimal_places=9, alias="HEADGATE_WEB_RESULT_USD"
    )
    web_fetch_usd: Decimal = Field(
        Decimal(0), ge=0, le=1000, decimal_places=9, alias="HEADGATE_WEB_FETCH_USD"
    )

    mistral_ocr_api_key: str = Field("", alias="HEADGATE_MISTRAL_OCR_API_KEY")
    mistral_ocr_url: str = Field("https://api.mistral.ai/v1", alias="HEADGATE_MISTRAL_OCR_URL")
    cloudflare_ai_api_key: str = Field("", alias="HEADGATE_CLOUDFLARE_AI_API_KEY")
    cloudflare_ai_url: str = Field("", alias="HEADGATE_CLOUDFLARE_AI_URL")

    moderation_url: str = Field("", alias="HEADGATE_MODERATION_URL")
    moderation_api_key: str = Field("", alias="HEADGATE_MODERATION_API_KEY")
    moderation_model: str = Field("", alias="HEADGATE_MODERATION_MODEL")
