"""The observability app."""

from django.apps import AppConfig


class ObservabilityConfig(AppConfig):
    """Fills the slots of the apps below (what begins and ends with a workspace or key), and names sealed columns."""

    name = "observability"

    def ready(self) -> None:
        from accounts.privacy import privacy_changed
        from accounts.restoring import restorers
        from config.lib.sealed_columns import SealedColumn, register
        from observability import (
            classifier_settings,
            destination_alerts,
            destination_restoring,
            destination_settings,
            settings,
        )
        from observability.dashboard.home import lately, latest_requests
        from observability.drain import destination_failing, destination_recovered
        from observability.models import Classifier, Destination
        from workspaces.api_keys import key_deleting
        from workspaces.dashboard.home import workspace_home
        from workspaces.dashboard.key_page import key_panels
        from workspaces.workspaces import workspace_created, workspace_deleting

        workspace_home.fill(lately)
        key_panels.fill(latest_requests)
        restorers.fill("observabilitysettings", settings.restore)
        privacy_changed.fill(destination_settings.follow_privacy)
        workspace_created.fill(destination_settings.copy_into)
        workspace_deleting.fill(destination_settings.delete_with_workspace)
        key_deleting.fill(destination_settings.forget_key)
        restorers.fill("classifier", classifier_settings.restore)
        workspace_deleting.fill(classifier_settings.delete_with_workspace)
        key_deleting.fill(classifier_settings.forget_key)
        register(
            SealedColumn(
                Classifier,
                "sealed_secret",
                classifier_settings.identity_of,
                classifier_settings.record_resealed,
            )
        )
        destination_restoring.fill()
        destination_failing.fill(destination_alerts.tell_failing)
        destination_recovered.fill(destination_alerts.tell_recovered)
        register(
            SealedColumn(
                Destination,
                "sealed_secrets",
                destination_settings.identity_of,
                destination_settings.record_resealed,
            )
        )
