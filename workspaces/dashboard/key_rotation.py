"""The pages that give a key another secret, and end the one before."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from config.lib.dashboard import INVALID_FORM
from workspaces import rotation
from workspaces.dashboard.keys import KeyPage

GRACES = [
    ("3600", "For an hour"),
    ("86400", "For a day"),
    ("604800", "For a week"),
    ("2592000", "For 30 days"),
    ("0", "Not at all"),
]


class RotationForm(forms.Form):
    """How long the secret before goes on working."""

    grace = forms.ChoiceField(
        label="The present secret works on", choices=GRACES, initial=str(rotation.DEFAULT_GRACE_SECONDS)
    )


class RotateKeyView(KeyPage):
    """`…/keys/{hash}/rotate`: for how long, and then the secret, once."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Ask for how long."""
        return self.page("workspaces/key_rotate.html", key=self.key, form=RotationForm())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Rotate the key, and show its secret in this answer and nowhere else."""
        form = RotationForm(request.POST)
        if form.is_valid():
            try:
                issued = rotation.rotate(
                    key=self.key, grace_seconds=int(form.cleaned_data["grace"]), by=self.actor
                )
                return self.issued_page(issued)
            except rotation.StillInGrace as refusal:
                form.add_error("grace", str(refusal))
        return self.page("workspaces/key_rotate.html", key=self.key, form=form, status=INVALID_FORM)


class EndSecretView(KeyPage):
    """`…/keys/{hash}/secrets/{hash}/end`."""

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """End a former secret now."""
        try:
            rotation.end_former(key=self.key, digest=names["secret"], by=self.actor)
        except (rotation.NoFormerSecret, rotation.PresentSecret) as refusal:
            raise Http404 from refusal
        messages.success(request, f"The former secret of “{self.key.name}” is refused from now on.")
        return self.go_to("key", key=self.key.hash)
