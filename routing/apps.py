"""The routing app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Fills the slots of the apps below: what ends with a workspace, a key or a member, and what can be restored."""

    name = "routing"

    def ready(self) -> None:
        from accounts.organizations import member_leaving
        from routing import plugin_settings, presets, restorers, routing_defaults
        from routing.guardrail_assignments import release_deleted_key, release_leaving_member
        from routing.guardrail_settings import delete_with_workspace
        from workspaces.api_keys import key_deleting
        from workspaces.workspaces import workspace_deleting

        workspace_deleting.fill(delete_with_workspace)
        workspace_deleting.fill(presets.delete_with_workspace)
        workspace_deleting.fill(plugin_settings.delete_with_workspace)
        workspace_deleting.fill(routing_defaults.delete_with_workspace)
        key_deleting.fill(release_deleted_key)
        member_leaving.fill(release_leaving_member)
        restorers.fill()
