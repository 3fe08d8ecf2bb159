"""What a workspace says about a plugin."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class PluginSetting(TenantModel):
    """A plugin's default in a workspace; without a row it is off and requests may turn it on.

    `config` is what the plugin declares (routing.plugins). With `is_override_prevented` requests can neither turn
    the plugin on or off nor change its configuration.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="plugin_settings")
    plugin = models.CharField(max_length=40)
    is_enabled = models.BooleanField(default=False)
    is_override_prevented = models.BooleanField(default=False)
    config = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        db_table = "plugin_setting"
        constraints = [models.UniqueConstraint(fields=["workspace", "plugin"], name="one_setting_per_plugin")]

    def __str__(self) -> str:
        return self.plugin
