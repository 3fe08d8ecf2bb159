"""What an operator can set for broadcast: the name that traces carry, and whom we are to cloud providers."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BroadcastEnvironment(BaseSettings):
    """A part of the environment. Without AWS keys, no role of a customer's account can be assumed."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    service_name: str = Field("headgate", alias="HEADGATE_SERVICE_NAME", max_length=100)
    aws_access_key_id: str = Field("", alias="HEADGATE_AWS_ACCESS_KEY_ID")
    aws_secret_access_key: str = Field("", alias="HEADGATE_AWS_SECRET_ACCESS_KEY")
    aws_session_token: str = Field("", alias="HEADGATE_AWS_SESSION_TOKEN")
    aws_sts_url: str = Field("https://sts.amazonaws.com", alias="HEADGATE_AWS_STS_URL")
    bigquery_url: str = Field("https://bigquery.googleapis.com", alias="HEADGATE_BIGQUERY_URL")
