"""I/O logging of a workspace: whether prompts and completions are kept, of whom, and for how long."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from accounts.privacy import IoLoggingForbidden
from accounts.privacy import settings_of as privacy_of
from config.lib.dashboard import INVALID_FORM
from observability import settings
from observability.dashboard.chosen_keys import ChosenKeysForm
from observability.dashboard.destination_forms import PercentField
from observability.models.destination import LONGEST_RETENTION_DAYS
from observability.settings import WorkspaceObservability
from workspaces.dashboard.pages import WorkspaceView


class IoLoggingForm(ChosenKeysForm):
    """What a workspace keeps of what is said."""

    is_io_logging_enabled = forms.BooleanField(label="Keep prompts and completions", required=False)
    io_logging_sampling_rate = PercentField(label="Share of sessions, in percent")
    retention_days = forms.IntegerField(
        label="Delete after days", min_value=1, max_value=LONGEST_RETENTION_DAYS
    )

    def __init__(self, *args: Any, known: WorkspaceObservability, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        workspace = known.workspace
        self.initial.update(
            {
                "is_io_logging_enabled": workspace.is_io_logging_enabled,
                "io_logging_sampling_rate": workspace.io_logging_sampling_rate,
                "retention_days": known.retention_days,
            }
        )
        self.offer_keys(workspace, workspace.io_logging_api_key_ids)

    def changes(self) -> dict[str, Any]:
        """What the workspace and its retention become, but for the keys."""
        names = ("is_io_logging_enabled", "io_logging_sampling_rate", "retention_days")
        return {name: self.cleaned_data[name] for name in names}


class IoLoggingView(WorkspaceView):
    """`/o/{organization}/w/{workspace}/io-logging`."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "observability"

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The form as things are, and what it means."""
        return self.drawn(IoLoggingForm(known=settings.settings_of(self.workspace)))

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Change it."""
        form = IoLoggingForm(request.POST, known=settings.settings_of(self.workspace))
        if form.is_valid() and self._changed(form):
            messages.success(request, "Saved; it counts within a second.")
            return redirect(
                "dashboard:io_logging", organization=self.organization.slug, workspace=self.workspace.slug
            )
        return self.drawn(form, status=INVALID_FORM)

    def _changed(self, form: IoLoggingForm) -> bool:
        try:
            ids = settings.key_ids(self.workspace, form.key_hashes())
            settings.change(
                workspace=self.workspace, by=self.actor, io_logging_api_key_ids=ids, **form.changes()
            )
        except IoLoggingForbidden as refusal:
            form.add_error("is_io_logging_enabled", str(refusal))
        except (settings.UnknownKey, settings.InvalidRetention) as refusal:
            form.add_error(None, str(refusal))
        return form.is_valid()

    def drawn(self, form: IoLoggingForm, **options: Any) -> HttpResponse:
        """The page."""
        return self.page(
            "observability/io_logging.html",
            form=form,
            is_allowed=privacy_of(self.organization).is_io_logging_allowed,
            **options,
        )
