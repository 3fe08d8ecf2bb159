"""The protobuf form of an OTLP export, for receivers that take no JSON; needs the extra `otlp-proto`."""

from __future__ import annotations

import base64
import copy
from typing import Any


class NoProtobuf(Exception):
    """The receiver asks for protobuf, and the extra is not installed."""


def as_protobuf(export: dict[str, Any]) -> bytes:
    """The bytes of an ExportTraceServiceRequest that is given as OTLP's JSON. Raises NoProtobuf."""
    try:
        from google.protobuf import json_format
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ImportError:
        raise NoProtobuf("The receiver takes protobuf only: install headgate[otlp-proto].") from None
    message = json_format.ParseDict(_with_base64(export), ExportTraceServiceRequest())
    serialized: bytes = message.SerializeToString()
    return serialized


def _with_base64(export: dict[str, Any]) -> dict[str, Any]:
    """With ids as protobuf's own JSON mapping has them; OTLP's is hex."""
    export = copy.deepcopy(export)
    for resource in export["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return export
