"""What an operator can set about watching Headgate and about how long it keeps things."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.lib.plugin_environment import PluginEnvironment


class OperationsEnvironment(PluginEnvironment):
    """A part of the environment. No address for metrics: they are told nowhere, unless a token is set."""

    metrics_listen: str = Field("", alias="HEADGATE_METRICS_LISTEN")
    metrics_token: str = Field("", alias="HEADGATE_METRICS_TOKEN")

    log_level: str = Field("INFO", alias="HEADGATE_LOG_LEVEL")
    log_format: Literal["json", "console"] = Field("json", alias="HEADGATE_LOG_FORMAT")
    is_access_logged: bool = Field(False, alias="HEADGATE_ACCESS_LOG")
    slow_request_seconds: float = Field(1, gt=0, alias="HEADGATE_SLOW_REQUEST_SECONDS")

    is_traced: bool = Field(False, alias="HEADGATE_OTEL")
    trace_share: float = Field(0.01, ge=0, le=1, alias="HEADGATE_OTEL_GATEWAY_SHARE")
    is_trace_propagated: bool = Field(False, alias="HEADGATE_OTEL_PROPAGATE")

    generation_retention_days: int = Field(0, ge=0, alias="HEADGATE_GENERATION_RETENTION_DAYS")
    audit_retention_days: int = Field(0, ge=0, alias="HEADGATE_AUDIT_RETENTION_DAYS")
