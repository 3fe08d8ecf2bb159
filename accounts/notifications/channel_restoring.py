"""Rolling a channel back to what a revision says it was; its secrets are in no revision and stay the present ones."""

from __future__ import annotations

from accounts.models import NotificationChannel
from accounts.notifications import channels
from accounts.notifications.channel_types import CHANNEL_TYPES
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Actor
from config.lib.declared import NotValid


def restore(recorded: Recorded, by: Actor) -> None:
    """Change the channel back, or delete it if it was not there; fills `restorers`. Raises CannotRestore."""
    live = NotificationChannel.objects.for_organization(recorded.organization_id).live()
    channel = live.filter(pk=recorded.pk).select_related("organization").first()
    state = recorded.state
    if state is None:
        if channel is not None:
            channels.delete(channel=channel, by=by)
        return
    if channel is None or state["deleted_at"] is not None:
        raise CannotRestore("The channel was deleted, and its secret wiped with it.")
    if channel.is_disabled and not state["is_disabled"]:
        raise CannotRestore("The channel was disabled since. Enable it, which sends a test.")
    config = state["config"] if state["config"] != channel.config else None
    if config is not None and CHANNEL_TYPES[channel.type].secrets:
        raise CannotRestore("Its secret was made for the present address. Change both together.")
    try:
        channels.change(channel=channel, by=by, name=state["name"], config=config)
    except NotValid as error:
        raise CannotRestore(str(error)) from error
    if state["is_disabled"] and not channel.is_disabled:
        channels.switch(channel=channel, is_disabled=True, by=by, reason=state["disabled_reason"])
