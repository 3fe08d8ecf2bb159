"""The pages of a workspace's presets: the list, the editor, what one is called, trying it, ending it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM, order_asked
from routing import presets
from routing.dashboard.preset_forms import ContentForm, DetailsForm, FieldsForm, JsonForm
from routing.gateway.client import RefusedError
from routing.models import Preset, PresetVersion
from routing.preset_config import PRESET_MARK, Content
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.snippets import COMMON_MODEL, api_address, snippets
from workspaces.locking import WorkspaceGone

PAGE_SIZE = 50
LONGEST_SEARCH = 100
ORDERS = {"slug": ("slug",), "status": ("status", "slug"), "updated": ("updated_at",)}
LOOKS: dict[str, type[ContentForm]] = {form.look: form for form in (FieldsForm, JsonForm)}
EXAMPLE = '{"model": "@preset/support", "messages": [{"role": "user", "content": "Hello"}]}'
SAVE = "save"
NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)
REFUSALS = (presets.SlugTaken, presets.TooManyPresets, presets.PresetArchived)


class PresetsPage(WorkspaceView):
    """What the pages of presets share. Whatever changes something asks for more than seeing."""

    permission = Permission.PRESETS_USE
    section = "presets"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (presets.PresetGone, WorkspaceGone) as gone:
            raise Http404 from gone

    @property
    def where(self) -> dict[str, Any]:
        """What every address here begins with."""
        return {"organization": self.organization.slug, "workspace": self.workspace.slug}

    def to_preset(self, preset: Preset) -> HttpResponse:
        """Go to its editor."""
        return redirect("dashboard:preset", **self.where, preset=preset.public_id)

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect("dashboard:presets", **self.where)


class PresetsView(PresetsPage):
    """`/o/{organization}/w/{workspace}/presets`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """A page of them, as the address narrows and sorts it."""
        order = order_asked(self.asked("sort"), ORDERS, default="-updated")
        sought, status = self.asked("q")[:LONGEST_SEARCH], self.asked("status")
        rows = presets.presets_of(self.workspace).select_related("designated_version__created_by")
        if sought:
            rows = rows.filter(Q(slug__icontains=sought) | Q(name__icontains=sought))
        if status in Preset.STATUSES:
            rows = rows.filter(status=status)
        columns = [f"{order.prefix}{column}" for column in ORDERS[order.name]]
        return self.page(
            "routing/presets.html",
            presets=Paginator(rows.order_by(*columns, "pk"), PAGE_SIZE).get_page(self.asked("page")),
            order=order,
            sought=sought,
            wanted=status,
            statuses=[(name, name.capitalize()) for name in Preset.STATUSES],
            is_narrowed=bool(sought or status),
            example=EXAMPLE,
        )


class EditorPage(PresetsPage):
    """What the editor does, of a new preset and of one that is there."""

    permission = Permission.PRESETS_CHANGE
    template: ClassVar[str]
    is_new: ClassVar[bool]

    def form_for(self, content: Content, *, slug: str = "") -> ContentForm:
        """The form that the address asks for, filled in."""
        return self._form_class(self.asked("as")).of(content, is_new=self.is_new, slug=slug)

    def form_of(self, data: QueryDict) -> ContentForm:
        """The form that was sent."""
        return self._form_class(data.get("look", ""))(data, is_new=self.is_new)

    def turned(self, form: ContentForm, wanted: str) -> HttpResponse:
        """The same content in the other form; nothing is saved."""
        slug = form.cleaned_data.get("slug", "")
        return self.drawn(LOOKS[wanted].of(form.content(), is_new=self.is_new, slug=slug))

    def drawn(self, form: ContentForm, *, status: int = 200) -> HttpResponse:
        """The editor."""
        raise NotImplementedError

    def saved(self, form: ContentForm, *, workspace: Any, slug: str) -> Preset | None:
        """Save it as a version; None where the form says now why that is not done."""
        try:
            return presets.save_version(
                workspace=workspace, slug=slug, content=form.content(), by=self.actor, is_new=self.is_new
            )
        except RefusedError as refusal:
            form.refuse(refusal)
        except REFUSALS as refusal:
            form.add_error("slug" if isinstance(refusal, presets.SlugTaken) else None, str(refusal))
        return None

    @staticmethod
    def _form_class(look: str) -> type[ContentForm]:
        return LOOKS.get(look, FieldsForm)


class NewPresetView(EditorPage):
    """`…/presets/new`."""

    is_new = True

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The empty editor."""
        return self.drawn(self.form_for(Content()))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Create it with its first version, or show the content in the other form."""
        form, wanted = self.form_of(request.POST), request.POST.get("go", SAVE)
        if not form.is_valid():
            return self.drawn(form, status=INVALID_FORM)
        if wanted in LOOKS:
            return self.turned(form, wanted)
        created = self.saved(form, workspace=self.workspace, slug=form.cleaned_data["slug"])
        if created is None:
            return self.drawn(form, status=INVALID_FORM)
        messages.success(
            request, f"“{created.slug}” is there. Requests refer to it as {PRESET_MARK}{created.slug}."
        )
        return self.to_preset(created)

    def drawn(self, form: ContentForm, *, status: int = 200) -> HttpResponse:
        return self.page("routing/preset_new.html", form=form, status=status)


class PresetPage(PresetsPage):
    """A page about one preset."""

    preset: Preset
    tab: ClassVar[str] = ""

    def enter(self) -> None:
        super().enter()
        rows = presets.presets_of(self.workspace).select_related("workspace", "designated_version")
        found = rows.filter(public_id=self.kwargs["preset"]).first()
        if found is None:
            raise Http404
        self.preset = found

    def version_numbered(self, text: str) -> PresetVersion:
        """One of its versions, or 404."""
        found = None
        if NUMBER.fullmatch(text):
            found = presets.versions_of(self.preset).filter(number=int(text)).first()
        if found is None:
            raise Http404
        return found

    def context(self) -> dict[str, Any]:
        return super().context() | {
            "preset": self.preset,
            "reference": f"{PRESET_MARK}{self.preset.slug}",
            "at": {self.tab: True},
        }


class EditPresetView(EditorPage, PresetPage):
    """`…/presets/{id}`: what it says. With `version` the form begins with a former version."""

    is_new = False
    tab = "edit"

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The editor with what requests get now."""
        version = self.preset.designated_version
        if self.asked("version"):
            version = self.version_numbered(self.asked("version"))
        return self.drawn(self.form_for(said_by(version)), version=version)

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Save another version, or show the content in the other form."""
        form, wanted = self.form_of(request.POST), request.POST.get("go", SAVE)
        if not form.is_valid():
            return self.drawn(form, status=INVALID_FORM)
        if wanted in LOOKS:
            return self.turned(form, wanted)
        if form.content() == said_by(self.preset.designated_version):
            messages.info(request, "Nothing was changed, so there is no new version.")
            return self.to_preset(self.preset)
        saved = self.saved(form, workspace=self.workspace, slug=self.preset.slug)
        if saved is None or saved.designated_version is None:
            return self.drawn(form, status=INVALID_FORM)
        messages.success(
            request, f"Saved as version {saved.designated_version.number}; requests get it within a second."
        )
        return self.to_preset(saved)

    def drawn(
        self, form: ContentForm, *, status: int = 200, version: PresetVersion | None = None
    ) -> HttpResponse:
        return self.page("routing/preset.html", form=form, version=version, status=status)


class PresetDetailsView(PresetPage):
    """`…/presets/{id}/details`: its name, description and status."""

    permission = Permission.PRESETS_CHANGE

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The form as the preset is."""
        return self.page("routing/preset_details.html", form=DetailsForm.of(self.preset))

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Change it."""
        form = DetailsForm(request.POST)
        if not form.is_valid():
            return self.page("routing/preset_details.html", form=form, status=INVALID_FORM)
        changed = presets.change(preset=self.preset, by=self.actor, **form.changes())
        messages.success(request, f"Saved “{changed.name}”.")
        return self.to_preset(changed)


class SwitchPresetView(PresetPage):
    """`…/presets/{id}/enable` and `/disable`."""

    permission = Permission.PRESETS_CHANGE
    status: str = Preset.ACTIVE

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Turn the preset on or off."""
        presets.change(preset=self.preset, by=self.actor, status=self.status)
        is_on = self.status == Preset.ACTIVE
        said = "is active" if is_on else "is disabled: requests that refer to it are refused"
        messages.success(request, f"“{self.preset.slug}” {said}.")
        return self.to_list()


class TryPresetView(PresetPage):
    """`…/presets/{id}/try`: a request that refers to it, to copy."""

    tab = "try"

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The same request in three languages."""
        reference = f"{PRESET_MARK}{self.preset.slug}"
        return self.page(
            "routing/preset_try.html",
            snippets=snippets(self.workspace, api_address(self.request), model=reference),
            beside_model=f'"model": "{COMMON_MODEL}{reference}"',
            in_field=f'"preset": "{self.preset.slug}"',
        )


class DeletePresetView(PresetPage):
    """`…/presets/{id}/delete`."""

    permission = Permission.PRESETS_CHANGE

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Say what will break, and ask for the slug."""
        return self.page("routing/preset_delete.html", form=self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Delete it if the slug is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self.page("routing/preset_delete.html", form=form, status=INVALID_FORM)
        presets.delete(preset=self.preset, by=self.actor)
        messages.success(request, f"“{self.preset.slug}” is deleted.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.preset.slug, what="the preset's slug")


def said_by(version: PresetVersion | None) -> Content:
    """What a version says; of none, nothing."""
    return Content() if version is None else Content(version.config, version.system_prompt)
