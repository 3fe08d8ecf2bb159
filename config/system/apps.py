"""The app that holds what belongs to no other: system checks and commands about the installation."""

from django.apps import AppConfig


class SystemConfig(AppConfig):
    """Registers the checks that stop a start with nonsense in the environment."""

    name = "config.system"
    label = "system"

    def ready(self) -> None:
        from config.system import checks, stored_secrets  # noqa: F401  # importing registers them
