"""A classifier's taxonomy as rows of a form: dimensions, and the labels of each; or as JSON, as the API takes it.

Rows travel as lists of equal length. Adding and taking away a row is a button `do`, as with filter rules.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from config.lib.api_body import parse
from config.lib.api_errors import ApiError
from config.lib.declared import NotValid
from observability.taxonomy import Taxonomy, read_taxonomy

DO = re.compile(r"(add_dimension|remove_dimension|add_label|remove_label):(\d{1,4})", re.ASCII)
WHERE = re.compile(r"taxonomy\.(\d+)(?:\.labels\.(\d+))?")
AS_JSON, AS_FORM = "as_json", "as_form"


@dataclass
class LabelRow:
    """A label as it is typed; `number` counts through all dimensions."""

    label: str = ""
    description: str = ""
    number: int = 0
    fault: str = ""


@dataclass
class DimensionRow:
    """A dimension as it is typed."""

    name: str = ""
    description: str = ""
    labels: list[LabelRow] = field(default_factory=list)
    fault: str = ""


class TaxonomyForm:
    """A taxonomy in a form. `text` is not None while it is typed as JSON."""

    def __init__(self, dimensions: list[DimensionRow], text: str | None = None) -> None:
        self.dimensions, self.text, self.fault = dimensions, text, ""
        self._count()

    @classmethod
    def of(cls, taxonomy: Taxonomy | None) -> TaxonomyForm:
        """The form filled in with what is kept; a new one begins with a dimension of two labels."""
        if taxonomy is None:
            return cls([_new_dimension()])
        return cls(_rows(taxonomy))

    @classmethod
    def read(cls, data: QueryDict) -> TaxonomyForm:
        """The form as it was sent."""
        if "taxonomy_json" in data:
            return cls([], str(data["taxonomy_json"]))
        names, about = data.getlist("dimension_name"), data.getlist("dimension_description")
        dimensions = [DimensionRow(*pair) for pair in zip(names, about, strict=False)]
        lists = map(data.getlist, ("label_dimension", "label", "label_description"))
        for place, label, description in zip(*lists, strict=False):
            if place.isdecimal() and len(place) < 4 and int(place) < len(dimensions):
                dimensions[int(place)].labels.append(LabelRow(label, description))
        return cls(dimensions)

    def do(self, what: str) -> None:
        """Add or take away what a button says, or change between form and JSON."""
        found = DO.fullmatch(what)
        if what == AS_JSON and self.text is None:
            self.text = json.dumps(self.given(), indent=2, ensure_ascii=False)
        elif what == AS_FORM and self.text is not None:
            self._take_text()
        elif found and self.text is None:
            self._do_row(found[1], int(found[2]))
        self._count()

    def given(self) -> Any:  # JSON of any shape, once it is typed as such
        """As the domain reads it. Raises NotValid where the text is no JSON."""
        if self.text is not None:
            return _parsed(self.text)
        return [
            {
                "name": row.name.strip(),
                "description": row.description.strip(),
                "labels": [
                    {"label": each.label.strip(), "description": each.description.strip()}
                    for each in row.labels
                ],
            }
            for row in self.dimensions
        ]

    def refuse(self, error: NotValid) -> None:
        """Say what is wrong beside the row that it is about."""
        fault = error.fault[:1].upper() + error.fault[1:]
        found = WHERE.match(error.path)
        if self.text is not None or not found:
            self.fault = f"{error.path}: {error.fault}" if found else fault
        elif found[2]:
            self.dimensions[int(found[1])].labels[int(found[2])].fault = fault
        else:
            self.dimensions[int(found[1])].fault = fault

    def _take_text(self) -> None:
        try:
            self.dimensions, self.text = _rows(read_taxonomy(_parsed(self.text or ""))), None
        except NotValid as error:
            self.refuse(error)

    def _do_row(self, action: str, number: int) -> None:
        if action == "add_dimension":
            self.dimensions.append(_new_dimension())
        elif action == "remove_label":
            for row in self.dimensions:
                row.labels = [label for label in row.labels if label.number != number]
        elif number < len(self.dimensions):
            if action == "add_label":
                self.dimensions[number].labels.append(LabelRow())
            else:
                del self.dimensions[number]

    def _count(self) -> None:
        for number, label in enumerate(label for row in self.dimensions for label in row.labels):
            label.number = number


def _new_dimension() -> DimensionRow:
    return DimensionRow(labels=[LabelRow(), LabelRow()])


def _rows(taxonomy: Taxonomy) -> list[DimensionRow]:
    return [
        DimensionRow(
            each["name"],
            each.get("description", ""),
            [LabelRow(label["label"], label.get("description", "")) for label in each["labels"]],
        )
        for each in taxonomy
    ]


def _parsed(text: str) -> Any:  # JSON may be anything
    try:
        parse(text.encode("utf-8", "surrogatepass"))
    except ApiError as error:
        raise NotValid("taxonomy", error.message) from None
    return json.loads(text)
