"""Making Amazon's binary event streams, and its own idea of what they and Converse's requests and answers look like."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from datetime import datetime
from typing import Any

import botocore.session
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from config.lib.aws_signature import Scope

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
CONVERSE = SERVICE.operation_model("Converse")
EVENTS = SERVICE.shape_for("ConverseStreamOutput")
BLOB = "blob"


def frame(headers: dict[str, Any], payload: bytes = b"") -> bytes:
    """One frame; header values are text, bytes, booleans or (type, packed value)."""
    packed = b"".join(
        bytes([len(name.encode())]) + name.encode() + _value(value) for name, value in headers.items()
    )
    prelude = struct.pack(">II", len(packed) + len(payload) + 16, len(packed))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return head + struct.pack(">I", zlib.crc32(head))


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, tuple):
        return bytes([value[0]]) + value[1]
    kind, data = (7, value.encode()) if isinstance(value, str) else (6, value)
    return bytes([kind]) + struct.pack(">H", len(data)) + data


def event(kind: str, **fields: Any) -> bytes:
    """An event of ConverseStream."""
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return frame(headers, json.dumps(fields, ensure_ascii=False).encode())


def exception(kind: str, **fields: Any) -> bytes:
    """An exception within a stream."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return frame(headers, json.dumps(fields).encode())


def faults_of_request(body: dict[str, Any], model: str = "m") -> str:
    """What Amazon's own validator finds wrong with a body of Converse; nothing unknown may be in it either."""
    given = _as_python({"modelId": model, **body}, CONVERSE.input_shape)
    return ParamValidator().validate(given, CONVERSE.input_shape).generate_report()


def parsed_answer(body: bytes) -> dict[str, Any]:
    """An answer of Converse as Amazon's SDK reads it."""
    response = {"status_code": 200, "headers": {}, "body": body}
    return create_parser("rest-json").parse(response, CONVERSE.output_shape)


def _as_python(value: Any, shape: Any) -> Any:
    """JSON as the SDK would be given it: blobs as bytes; fails for names that the shape does not have."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        unknown = value.keys() - shape.members.keys()
        assert not unknown, f"{shape.name} has no {unknown}"
        return {name: _as_python(inner, shape.members[name]) for name, inner in value.items()}
    if shape.type_name == "list":
        return [_as_python(inner, shape.member) for inner in value]
    return base64.b64decode(value, validate=True) if shape.type_name == BLOB else value


def signed_by_amazon(
    url: str, headers: dict[str, str], body: bytes, keys: tuple[str, ...], scope: Scope, now: datetime
) -> dict[str, str]:
    """The headers of a request that Amazon's own signer has signed."""
    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    with time_machine.travel(now, tick=False):
        SigV4Auth(Credentials(*keys), scope.service, scope.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}
