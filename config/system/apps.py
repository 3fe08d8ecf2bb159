"""The app that holds what belongs to no other: system checks and commands about the installation."""

from django.apps import AppConfig


class SystemConfig(AppConfig):
    """Registers the checks that stop a start with nonsense, and lets every process send tasks to our broker."""

    name = "config.system"
    label = "system"

    def ready(self) -> None:
        from config import celery  # noqa: F401  # importing it makes it the application that tasks belong to
        from config.system import checks, stored_secrets  # noqa: F401  # importing registers them
