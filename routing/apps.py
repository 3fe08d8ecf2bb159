"""The routing app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Fills the slots of the apps below (what ends with a workspace, a key or a member), and names sealed columns."""

    name = "routing"

    def ready(self) -> None:
        from accounts.dashboard.palette import palette_finders
        from accounts.notifications.detection import alert_readings
        from accounts.notifications.kinds import MODEL_DEPRECATION
        from accounts.organizations import member_leaving
        from config.lib.sealed_columns import SealedColumn, register
        from observability.injections import injections_in
        from routing import (
            byok,
            catalog,
            plugin_settings,
            presets,
            private_endpoints,
            restorers,
            routing_defaults,
        )
        from routing.alert_readings import deprecations
        from routing.catalog_compiler import credential_identity
        from routing.dashboard import home, key_guardrails
        from routing.dashboard.palette import models_found
        from routing.guardrail_assignments import release_deleted_key, release_leaving_member
        from routing.guardrail_budgets import limits_on
        from routing.guardrail_settings import delete_with_workspace
        from routing.guardrails.prompt_injection import phrases_in
        from routing.models import ByokCredential, PrivateEndpoint, Provider
        from workspaces.api_keys import key_deleting
        from workspaces.dashboard.home import workspace_home
        from workspaces.dashboard.key_guardrails import guardrail_of_key, guardrails_for_keys, key_held
        from workspaces.purse_limits import guardrail_limits
        from workspaces.workspaces import workspace_deleting

        guardrail_limits.fill(limits_on)
        workspace_deleting.fill(delete_with_workspace)
        workspace_deleting.fill(presets.delete_with_workspace)
        workspace_deleting.fill(plugin_settings.delete_with_workspace)
        workspace_deleting.fill(routing_defaults.delete_with_workspace)
        workspace_deleting.fill(byok.delete_with_workspace)
        key_deleting.fill(release_deleted_key)
        key_deleting.fill(byok.forget_key)
        member_leaving.fill(release_leaving_member)
        member_leaving.fill(byok.forget_member)
        restorers.fill()
        palette_finders.fill(models_found)
        workspace_home.fill(home.guardrail_step)
        guardrails_for_keys.fill(key_guardrails.choices)
        guardrail_of_key.fill(key_guardrails.of_key)
        key_held.fill(key_guardrails.hold)
        injections_in.fill(phrases_in)
        alert_readings.fill(MODEL_DEPRECATION, deprecations)
        register(SealedColumn(Provider, "sealed_credential", credential_identity, catalog.record_resealed))
        register(SealedColumn(ByokCredential, "sealed_secret", byok.identity_of, byok.record_resealed))
        register(
            SealedColumn(
                PrivateEndpoint,
                "sealed_secret",
                private_endpoints.identity_of,
                private_endpoints.record_resealed,
            )
        )
