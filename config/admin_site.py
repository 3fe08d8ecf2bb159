"""The Django admin's app, with Headgate's own site as its default."""

from django.contrib.admin.apps import AdminConfig


class HeadgateAdminConfig(AdminConfig):
    """Uses unfold's site class, which config.lib.admin_site extends."""

    default_site = "config.lib.admin_site.HeadgateAdminSite"
