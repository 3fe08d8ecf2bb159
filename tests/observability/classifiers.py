"""A classifier for tests."""

from __future__ import annotations

from typing import Any

from observability.classifier_settings import create
from observability.models import Classifier
from tests.cast import STAGE
from workspaces.models import Workspace

TOPICS: list[dict[str, Any]] = [
    {
        "name": "topic",
        "labels": [{"label": "billing", "description": "Money."}, {"label": "other"}],
    }
]


def a_classifier(workspace: Workspace, **settings: Any) -> Classifier:
    """A classifier of a workspace's, within its organization's scope."""
    given = {"name": "Topics", "model": "a/b", "taxonomy": TOPICS} | settings
    return create(workspace=workspace, by=STAGE, **given)
