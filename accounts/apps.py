"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Fills the slots of what lies below: the admin's history pages."""

    name = "accounts"

    def ready(self) -> None:
        from accounts.history import history_of
        from config.lib.admin import object_history

        object_history.fill(history_of)
