"""One line per event, as JSON or for a terminal; secrets that slipped into one are cut out."""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from config.lib.log_context import log_fields

SECRETS = (
    (re.compile(r"\b(sk|pk|rk|whsec|gsk|xai|AIza|AKIA)([-_])?[A-Za-z0-9_-]{12,}"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 …"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), r"\1:…@"),
    (re.compile(r"(?i)\b(password|secret|token|api_key|apikey)=[^\s&,;'\"]+"), r"\1=…"),
)
NOISY = ("uvicorn.access", "asyncio", "kombu", "celery.beat", "celery.app.trace", "celery.worker.strategy")
"""Whose lines below warnings tell nothing that figures do not."""


def without_secrets(text: str) -> str:
    """The text with what looks like a key, a token or a password cut out."""
    for pattern, left in SECRETS:
        text = pattern.sub(left, text)
    return text


def _in_context(_: Any, __: str, event: EventDict) -> EventDict:
    return {**log_fields(), **event}


def _safely(_: Any, __: str, event: EventDict) -> EventDict:
    return {
        name: without_secrets(value) if isinstance(value, str) else value for name, value in event.items()
    }


def _named(_: Any, __: str, event: EventDict) -> EventDict:
    """The names that log collectors expect."""
    event["message"] = event.pop("event", "")
    return event


BEFORE: tuple[Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _in_context,
)


class RouteForPath(logging.Filter):
    """Let Django's lines about failed requests name the pattern of an address, which may hold a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        request: Any = getattr(record, "request", None)  # Django's, which this module does not know
        path = getattr(request, "path", None)
        if path is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match else "none"
            record.args = tuple(route if argument == path else argument for argument in record.args)
        return True


def _plain(_: Any, __: str, event: EventDict) -> str:
    """A line for people, with what else is known behind it."""
    shown = [event.pop(name, "") for name in ("timestamp", "level", "logger", "event")]
    trace = event.pop("exception", None)
    rest = "".join(f" {name}={value}" for name, value in event.items())
    line = f"{shown[0]} {shown[1].upper()} {shown[2]}: {shown[3]}{rest}"
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
    return f"{line}\n{trace}" if trace else line


RENDERERS: dict[str, tuple[Processor, ...]] = {
    "json": (_named, structlog.processors.JSONRenderer(ensure_ascii=True, default=str)),
    "console": (_plain,),
}


def formatter(kind: str) -> structlog.stdlib.ProcessorFormatter:
    """What makes a line of a record: `json` or `console`."""
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    processors: tuple[Processor, ...] = (
        remove,
        structlog.processors.format_exc_info,
        _safely,
        *RENDERERS[kind],
    )
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=BEFORE, processors=processors)


def logging_settings(*, kind: str, level: str) -> dict[str, Any]:
    """Django's LOGGING: every logger of every library goes through one handler on stderr."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"route_for_path": {"()": RouteForPath}},
        "formatters": {"lines": {"()": formatter, "kind": kind}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in NOISY},
            # Below errors they say what ObservedMiddleware says better; the rest needs the filter.
            "django.request": {"level": "ERROR", "filters": ["route_for_path"]},
            # Django's own handlers would write their lines past ours.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
        },
    }
