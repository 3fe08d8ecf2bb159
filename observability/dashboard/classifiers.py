"""Classifiers of a workspace: the list, making and changing one, what it has found, ending it."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.declared import NotValid
from config.lib.declared_forms import PLAIN
from config.lib.keyset import UnknownCursor
from observability import classifier_settings
from observability.classifier_results import COUNTED, counts_by_label, counts_by_status, results
from observability.classifier_settings import LONGEST_INSTRUCTIONS, MOST_OF_A_WORKSPACE
from observability.dashboard.chosen_keys import ChosenKeysForm
from observability.dashboard.destination_forms import PercentField
from observability.dashboard.taxonomy_form import TaxonomyForm
from observability.destination_settings import UnknownKeys
from observability.logs import models_in_use
from observability.models import Classification, Classifier
from observability.models.classifier import ClassifierQuerySet
from workspaces.dashboard.pages import WorkspaceView
from workspaces.models import Workspace

PAGE_SIZE = 50
STATUS_WORDS = {"pending": "Waiting", "done": "Sorted", "failed": "Failed", "skipped": "Skipped"}
REFUSALS = (NotValid, UnknownKeys, classifier_settings.TooManyClassifiers)


class ClassifierForm(ChosenKeysForm):
    """A classifier, new or as it is kept."""

    name = forms.CharField(max_length=255, widget=forms.TextInput(attrs=PLAIN))
    model = forms.CharField(
        max_length=255,
        widget=forms.TextInput(attrs=PLAIN | {"list": "models", "placeholder": "author/model"}),
    )
    instructions = forms.CharField(
        required=False, max_length=LONGEST_INSTRUCTIONS, widget=forms.Textarea(attrs={"rows": 3})
    )
    sampling_rate = PercentField(label="Share of sessions, in percent")
    is_enabled = forms.BooleanField(label="Sort requests", required=False, initial=True)

    def __init__(
        self, *args: Any, workspace: Workspace, classifier: Classifier | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if classifier is not None:
            names = ("name", "model", "instructions", "sampling_rate", "is_enabled")
            self.initial.update({name: getattr(classifier, name) for name in names})
        self.offer_keys(workspace, classifier.api_key_ids if classifier else None)
        kept = classifier.taxonomy if classifier else None
        self.taxonomy = (
            TaxonomyForm.read(cast(QueryDict, self.data)) if self.is_bound else TaxonomyForm.of(kept)
        )

    def settings(self) -> dict[str, Any]:
        """As the domain wants them. Raises NotValid."""
        names = ("name", "model", "instructions", "sampling_rate", "is_enabled")
        hashes = self.key_hashes()
        keys = {} if hashes == [] else {"api_key_hashes": hashes}
        return {name: self.cleaned_data[name] for name in names} | keys | {"taxonomy": self.taxonomy.given()}

    def refuse(self, error: Exception) -> None:
        """Say what the domain will not have, beside what it is about."""
        if isinstance(error, NotValid):
            self.taxonomy.refuse(error)
            self.add_error(None, "The taxonomy is not right yet.")
        else:
            field = "keys" if isinstance(error, UnknownKeys) else None
            self.add_error(field, str(error).removeprefix("api_key_hashes: "))


class ClassifiersPage(WorkspaceView):
    """What the pages share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "observability"

    def classifiers(self) -> ClassifierQuerySet:
        """The workspace's live ones."""
        rows: ClassifierQuerySet = Classifier.objects.for_workspace(self.workspace).live()
        return rows.select_related("workspace", "key")

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect(
            "dashboard:classifiers", organization=self.organization.slug, workspace=self.workspace.slug
        )

    def form_page(self, form: ClassifierForm, **options: Any) -> HttpResponse:
        """The form of a new one, or of one that is there."""
        return self.page(
            "observability/classifier_form.html",
            form=form,
            models=models_in_use(self.organization.pk),
            tab="settings",
            **options,
        )


class ClassifiersView(ClassifiersPage):
    """`/o/{organization}/w/{workspace}/classifiers`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """All of them, which are few."""
        rows = list(self.classifiers().order_by("name", "pk"))
        return self.page("observability/classifiers.html", classifiers=rows, most=MOST_OF_A_WORKSPACE)


class NewClassifierView(ClassifiersPage):
    """`…/classifiers/new`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The empty form."""
        return self.form_page(ClassifierForm(workspace=self.workspace))

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Add a row to the taxonomy, or make the classifier: as the button says."""
        form = ClassifierForm(request.POST, workspace=self.workspace)
        if do := request.POST.get("do", ""):
            form.taxonomy.do(do)
            form.errors.clear()
            return self.form_page(form)
        if form.is_valid():
            try:
                made = classifier_settings.create(workspace=self.workspace, by=self.actor, **form.settings())
            except REFUSALS as error:
                form.refuse(error)
            else:
                messages.success(request, f"“{made.name}” sorts requests from now on.")
                return self.to_list()
        return self.form_page(form, status=INVALID_FORM)


class ClassifierPage(ClassifiersPage):
    """A page about one classifier."""

    classifier: Classifier

    def enter(self) -> None:
        super().enter()
        found = self.classifiers().filter(public_id=self.kwargs["classifier"]).first()
        if found is None:
            raise Http404
        self.classifier = found


class ClassifierView(ClassifierPage):
    """`…/classifiers/{id}`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """What it has found: how often each label, and each request."""
        status = self.asked("status") if self.asked("status") in Classification.STATUSES else ""
        try:
            page = results(self.classifier, status=status, before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        if self.is_continuation:
            return self.page("observability/_result_rows.html", page=page, classifier=self.classifier)
        counts = counts_by_status(self.classifier)
        return self.page(
            "observability/classifier.html",
            tab="results",
            classifier=self.classifier,
            page=page,
            chosen=status,
            statuses=list(STATUS_WORDS.items()),
            told=" · ".join(f"{STATUS_WORDS[name]} {count:,}" for name, count in sorted(counts.items())),
            dimensions=counts_by_label(self.classifier),
            counted=COUNTED,
        )


class EditClassifierView(ClassifierPage):
    """`…/classifiers/{id}/settings`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The form as things are."""
        return self.form_page(self._form(), classifier=self.classifier)

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Add a row to the taxonomy, or save: as the button says."""
        form = self._form(request.POST)
        if do := request.POST.get("do", ""):
            form.taxonomy.do(do)
            form.errors.clear()
            return self.form_page(form, classifier=self.classifier)
        if form.is_valid():
            try:
                classifier_settings.change(classifier=self.classifier, by=self.actor, **form.settings())
            except REFUSALS as error:
                form.refuse(error)
            else:
                messages.success(request, f"“{form.cleaned_data['name']}” is saved.")
                return self.to_list()
        return self.form_page(form, classifier=self.classifier, status=INVALID_FORM)

    def _form(self, *args: Any) -> ClassifierForm:
        return ClassifierForm(*args, workspace=self.workspace, classifier=self.classifier)


class DeleteClassifierView(ClassifierPage):
    """`…/classifiers/{id}/delete`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Say what goes, and ask for the name."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._form_page(form, status=INVALID_FORM)
        classifier_settings.delete(classifier=self.classifier, by=self.actor)
        messages.success(request, f"“{self.classifier.name}” is deleted.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.classifier.name, what="the classifier's name")

    def _form_page(self, form: ConfirmForm, **options: Any) -> HttpResponse:
        return self.page(
            "observability/classifier_delete.html", classifier=self.classifier, form=form, **options
        )
