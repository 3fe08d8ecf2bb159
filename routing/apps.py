"""The routing app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Fills the slots of the apps below: what ends with a workspace, and what can be restored."""

    name = "routing"

    def ready(self) -> None:
        from accounts.restoring import restorers
        from routing import plugin_settings, presets, routing_defaults
        from routing.restorers import restore_plugin_setting, restore_preset, restore_routing_defaults
        from workspaces.workspaces import workspace_deleting

        workspace_deleting.fill(presets.delete_with_workspace)
        workspace_deleting.fill(plugin_settings.delete_with_workspace)
        workspace_deleting.fill(routing_defaults.delete_with_workspace)
        restorers.fill("preset", restore_preset)
        restorers.fill("pluginsetting", restore_plugin_setting)
        restorers.fill("routingdefaults", restore_routing_defaults)
