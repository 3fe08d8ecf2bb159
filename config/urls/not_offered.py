"""What the public API has and Headgate does not: a clear word instead of a puzzling 404 (spec: contract notes 12)."""

from __future__ import annotations

import re

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from config.lib.api_errors import ApiError, as_response
from config.lib.environment import environment

NOT_OFFERED = {
    "images": "image generation",
    "videos": "video generation",
    "audio": "speech and transcription",
    "rerank": "reranking",
    "files": "file storage",
    "batches": "batches",
    "containers": "containers",
    "vault": "a vault",
    "tools": "a registry of tools",
    "systemone": "System One",
    "datasets": "public datasets",
    "benchmarks": "benchmarks",
    "classifications/task": "public task classifications",
    "oauth": "token exchange",
}
"""By the beginning of the address: what is meant."""
COINBASE = "Coinbase charges were removed from this API; add credits on the dashboard's credits page."


@csrf_exempt
@non_atomic_requests
def not_offered(request: HttpRequest, name: str) -> HttpResponse:
    """404, saying so, whoever asks."""
    docs = f"{environment().base_url.rstrip('/')}/api/v1/docs"
    message = f"Headgate does not offer {NOT_OFFERED[name]}. See {docs} for what it does."
    return as_response(ApiError(404, message, metadata={"error_type": "not_offered", "docs_url": docs}))


@csrf_exempt
@non_atomic_requests
def gone(request: HttpRequest) -> HttpResponse:
    """410, as the contract has it."""
    return as_response(ApiError(410, COINBASE))


urlpatterns: list[URLPattern] = [
    re_path(r"^credits/coinbase/?$", gone),
    *(re_path(rf"^(?P<name>{re.escape(name)})(?:/.*)?$", not_offered) for name in NOT_OFFERED),
]
