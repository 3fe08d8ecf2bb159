"""Tags of a classifier as columns and conditions: generations, joined with what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from observability.analytics.fields import OF_SETS, OPERATORS

PAIR: Final = ("clf_dimension_name", "clf_dimension_value")
"""The columns where no dimension is named: a row for each of them and its label."""


@dataclass(frozen=True)
class TagCondition:
    """A condition on the label of a dimension."""

    name: str
    operator: str
    value: str | list[str]


@dataclass(frozen=True)
class Tagging:
    """Whose tags are asked about (0: of no classifier that is known), by which they are grouped and narrowed down.

    `columns` are names of dimensions, or PAIR. `with_untagged`: generations without a tag are wanted, too.
    """

    classifier_id: int
    columns: tuple[str, ...] = ()
    with_untagged: bool = False
    conditions: tuple[TagCondition, ...] = ()

    def relation(self, parameters: list[Any]) -> str:
        """Generations with a column for each tag, empty where there is none; adds its parameters."""
        is_pair = self.columns == PAIR
        if is_pair:
            tags = ["pair.key", "pair.value"]
        else:
            tags = ["sorted.tags ->> %s"] * len(self.columns)
            parameters += self.columns
        columns = "".join(f", coalesce({tag}, '') AS {key}" for tag, key in zip(tags, self.keys, strict=True))
        join = "LEFT JOIN" if self.with_untagged else "JOIN"
        parameters.append(self.classifier_id)
        text = f"""(SELECT generation.*{columns} FROM generation
                      {join} classification sorted ON sorted.generation_id = generation.id
                       AND sorted.organization_id = generation.organization_id
                       AND sorted.classifier_id = %s AND sorted.status = 'done'"""  # noqa: S608
        if is_pair:
            text += f" {join} LATERAL jsonb_each_text(sorted.tags) pair ON true"
        return text + self._narrowed(parameters) + ") generation"

    @property
    def keys(self) -> list[str]:
        """The columns in SQL."""
        return [f"t{place}" for place in range(len(self.columns))]

    def _narrowed(self, parameters: list[Any]) -> str:
        told = []
        for one in self.conditions:
            parameters += [one.name, one.value]
            value = "(%s::text[])" if one.operator in OF_SETS else "%s"
            told.append(f"sorted.tags ->> %s {OPERATORS[one.operator]} {value}")
        return f" WHERE {' AND '.join(told)}" if told else ""
