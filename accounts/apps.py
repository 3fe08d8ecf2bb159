"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Fills the slots of what lies below (the admin's history pages) and its own; listens to how people sign in; names
    sealed columns."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import restorers, second_factor, sessions, sign_in_events
        from accounts.history import history_of
        from accounts.models import NotificationChannel
        from accounts.notifications import channels
        from config.lib.admin import object_history
        from config.lib.sealed_columns import SealedColumn, register

        object_history.fill(history_of)
        restorers.fill()
        sign_in_events.connect()
        sessions.connect()
        second_factor.register_seeds()
        register(
            SealedColumn(NotificationChannel, "sealed_secret", channels.identity_of, channels.record_resealed)
        )
