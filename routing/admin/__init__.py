"""The platform's catalog in the Django admin, for platform staff; importing the modules registers their classes."""

from routing.admin import catalog, credentials, prices

__all__ = ["catalog", "credentials", "prices"]
