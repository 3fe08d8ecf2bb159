"""The routing app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Fills the slots of the apps below, and names its sealed columns."""

    name = "routing"

    def ready(self) -> None:
        from accounts.organizations import member_leaving
        from accounts.restoring import restorers
        from config.lib.sealed_columns import SealedColumn, register
        from routing import byok, catalog
        from routing.byok_restoring import restore_credential
        from routing.catalog_compiler import credential_identity
        from routing.models import ByokCredential, Provider
        from workspaces.api_keys import key_deleting
        from workspaces.workspaces import workspace_deleting

        workspace_deleting.fill(byok.delete_with_workspace)
        key_deleting.fill(byok.forget_key)
        member_leaving.fill(byok.forget_member)
        restorers.fill("byokcredential", restore_credential)
        register(SealedColumn(Provider, "sealed_credential", credential_identity, catalog.record_resealed))
        register(SealedColumn(ByokCredential, "sealed_secret", byok.identity_of, byok.record_resealed))
