"""Our own OpenAPI document and the page that shows it; both are public and hold no data."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import View
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView

from config.lib.api_json import encode


def without_slash(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Describe each address once: without the slash that it may also have at its end."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


@cache
def document() -> bytes:
    """The OpenAPI 3.1 document of the management API, as JSON; made once per process."""
    generator: Any = SchemaGenerator  # untyped
    described = generator().get_schema(request=None, public=True)
    return encode(described | {"security": [{"apiKey": []}]})


class OpenAPIView(View):
    """The document."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(document(), content_type="application/json")


class DocumentationView(SpectacularSwaggerSplitView):
    """The document as a page that can be tried out; nothing inline, so that the strict policy holds."""

    permission_classes = []
    authentication_classes = []
    url_name = "openapi"
    template_name = "api/docs.html"
