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
    """Ids need no quotes in an array's text, and are not looked at one by one by the driver then."""
    if all(type(value) is UUID for value in values):
        return "{" + ",".join(map(str, values)) + "}"
    return values
