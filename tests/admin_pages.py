"""What tests of the Django admin share: who asks, and the addresses of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

WHO = ("alice", "bob", "carol", "mallory", "staff", "anonymous")


@dataclass(frozen=True)
class Doors:
    """A client for each of the cast, by name."""

    clients: dict[str, Client]

    def __getitem__(self, name: str) -> Client:
        return self.clients[name]

    def statuses(self, path: str, method: str = "get", data: Any = None) -> dict[str, int]:
        """What each of them gets."""
        return {
            name: getattr(client, method)(path, data or {}).status_code
            for name, client in self.clients.items()
        }


def page(model: type[models.Model], name: str, *args: Any) -> str:
    """The address of an admin page of a model: changelist, add, change, delete or history."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def autocomplete(model: type[models.Model], field: str, term: str = "") -> str:
    """The address that an autocomplete field asks."""
    query = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={field}"
    return f"{reverse('admin:autocomplete')}?{query}&term={term}"


def text_of(response: HttpResponseBase) -> str:
    """The page as text."""
    return response.content.decode()  # type: ignore[attr-defined]  # a test's response is no stream


def errors_of(response: Any) -> dict[str, list[str]]:
    """The errors of the form that a page shows."""
    return dict(response.context["adminform"].form.errors)
