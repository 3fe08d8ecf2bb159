"""/classifiers, /classifiers/{id} and /classifiers/{id}/classifications: sorting a workspace's requests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import not_found
from config.lib.api_fields import query_page
from config.lib.declared import NotValid
from observability import classifier_settings
from observability.api.classifier_shapes import (
    CLASSIFICATIONS,
    CLASSIFIER,
    LIST,
    ClassificationShape,
    ClassifierChange,
    ClassifierCreation,
    described,
)
from observability.destination_settings import UnknownKeys
from observability.models import Classification, Classifier
from observability.models.classifier import ClassifierQuerySet
from workspaces.api.places import referenced_workspace
from workspaces.locking import WorkspaceGone
from workspaces.models.workspace import UUID_TEXT

UNACCEPTABLE: dict[type[Exception], int] = {
    NotValid: 400,
    UnknownKeys: 400,
    classifier_settings.TooManyClassifiers: 409,
    classifier_settings.ClassifierGone: 404,
}
ID = OpenApiParameter(
    "id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH, description="The classifier's id."
)
WORKSPACE = OpenApiParameter(
    "workspace_id", str, description="An id or slug; else the Default workspace's are listed."
)


class ClassifiersView(ManagementView):
    """The classifiers of a workspace."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = {**UNACCEPTABLE, WorkspaceGone: 400}

    @extend_schema(
        operation_id="listClassifiers",
        tags=["Observability"],
        parameters=[WORKSPACE, *PAGE],
        responses={200: LIST, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        workspace = referenced_workspace(self.organization_id, request.query_params.get("workspace_id"))
        rows = known(self.organization_id).filter(workspace=workspace)
        page = rows.order_by("pk")[query_page(request)]
        return Response({"data": described(page), "total_count": rows.count()})

    @extend_schema(
        operation_id="createClassifier",
        tags=["Observability"],
        parameters=[IDEMPOTENCY_KEY],
        request=ClassifierCreation,
        responses={201: CLASSIFIER, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = ClassifierCreation(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = body.validated_data
        workspace = referenced_workspace(self.organization_id, asked.pop("workspace_id", None))
        made = classifier_settings.create(workspace=workspace, by=self.actor, **asked)
        return Response({"data": described([made])[0]}, status=201)


class AddressedClassifierView(ManagementView):
    """A view under `/classifiers/{id}`."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = UNACCEPTABLE
    classifier: Classifier

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        wanted = kwargs["id"]
        rows = known(self.organization_id)
        found = rows.filter(public_id=wanted).first() if UUID_TEXT.fullmatch(wanted) else None
        if found is None:
            raise not_found()
        self.classifier = found


class OneClassifierView(AddressedClassifierView):
    """One classifier."""

    @extend_schema(
        operation_id="getClassifier",
        tags=["Observability"],
        parameters=[ID],
        responses={200: CLASSIFIER, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": described([self.classifier])[0]})

    @extend_schema(
        operation_id="updateClassifier",
        tags=["Observability"],
        parameters=[ID],
        request=ClassifierChange,
        responses={200: CLASSIFIER, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = ClassifierChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = classifier_settings.change(classifier=self.classifier, by=self.actor, **body.validated_data)
        return Response({"data": described([changed])[0]})

    @extend_schema(
        operation_id="deleteClassifier",
        tags=["Observability"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        classifier_settings.delete(classifier=self.classifier, by=self.actor)
        return Response({"deleted": True})


class ClassificationsView(AddressedClassifierView):
    """What became of the requests that a classifier took."""

    @extend_schema(
        operation_id="listClassifications",
        tags=["Observability"],
        parameters=[ID, *PAGE],
        responses={200: CLASSIFICATIONS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        rows = Classification.objects.for_workspace(self.classifier.workspace_id)
        own = rows.filter(classifier_id=self.classifier.pk)
        page = list(own.order_by("-pk")[query_page(request)])
        return Response({"data": ClassificationShape(page, many=True).data, "total_count": own.count()})


def known(organization_id: int) -> ClassifierQuerySet:
    """The organization's classifiers."""
    rows: ClassifierQuerySet = Classifier.objects.for_organization(organization_id).live()
    return rows.select_related("workspace")
