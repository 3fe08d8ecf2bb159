"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Fills the slots of the apps below."""

    name = "accounts"
