"""Showing a new key once, in the answer to the very request that made it: no cookie and no session holds it."""

from __future__ import annotations

from typing import Any, cast

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from config.lib.admin import ScopedModelAdmin


class IssuesSecrets(ScopedModelAdmin):
    """An admin class whose `create_row` calls `show_once`."""

    def show_once(self, request: HttpRequest, secret: str) -> None:
        """Have the secret drawn on the page that answers this request."""
        cast(Any, request).issued_secret = secret

    def response_add(
        self, request: HttpRequest, obj: models.Model, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"New {self.opts.verbose_name}",
            "object": obj,
            "opts": self.opts,
            "secret": cast(Any, request).issued_secret,
            "next_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/headgate/secret.html", context)
