"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Fills the slots of what lies below, the admin's history pages, and of its own: settings brought back."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import privacy
        from accounts.history import history_of
        from accounts.restoring import restorers
        from config.lib.admin import object_history

        object_history.fill(history_of)
        restorers.fill("privacysettings", privacy.restore)
