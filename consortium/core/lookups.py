"""``among``: is the column one of many values? One array in the place of a placeholder for each.

``filter(pk__in=two_hundred)`` costs more to write in Python than PostgreSQL needs to answer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Field, ForeignKey, Lookup


@ForeignKey.register_lookup
@Field.register_lookup
class Among(Lookup):
    """``filter(node_id__among=ids)``: values of the column's own type."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[Any]:
        values: Iterable[Any] = self.rhs
        prepare = self.lhs.output_field.get_prep_value
        return [prepare(value) for value in values]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        kind = self.lhs.output_field.cast_db_type(connection)
        return f"{column} = ANY(%s::{kind}[])", (*parameters, _array(self.rhs))


def _array(values: list[Any]) -> list[Any] | str:
    """Ids and plain words as an array's text: the driver does not look at them one by one then."""
    kinds = set(map(type, values))
    if kinds == {UUID}:
        return as_array([value.hex for value in values])
    if kinds == {str}:
        return as_array(values)
    return values


def as_array(texts: list[str]) -> list[str] | str:
    """The texts as PostgreSQL writes an array; as they are where one of them has a quote or a backslash."""
    inside = '","'.join(texts)
    if not texts or "\\" in inside or inside.count('"') != 2 * (len(texts) - 1):
        return texts
    return f'{{"{inside}"}}'
