"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Fills the slots of what lies below: the admin's history pages; and its own: how settings are rolled back."""

    name = "accounts"

    def ready(self) -> None:
        from accounts.billing import keep_the_ledger, restore_billing
        from accounts.history import history_of
        from accounts.restoring import restorers
        from config.lib.admin import object_history

        object_history.fill(history_of)
        restorers.fill("billingdetails", restore_billing)
        restorers.fill("ledgerentry", keep_the_ledger)
