"""The Django admin's site and the scoped base of every admin class."""

from unfold.sites import UnfoldAdminSite


class HeadgateAdminSite(UnfoldAdminSite):
    """The admin, for platform staff and organization admins."""
