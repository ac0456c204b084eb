"""Many new rows of one table at once, by PostgreSQL's COPY.

``bulk_create`` writes one long statement with a placeholder for each value, which costs several times what
the rows themselves do. COPY keeps every constraint and trigger; it gives no keys back, so rows whose key
the database makes come back without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db import connection, models
from psycopg import sql

Row = TypeVar("Row", bound=models.Model)


def insert(rows: Sequence[Row]) -> Sequence[Row]:
    """Store new ``rows``, all of one model, with the values they have; signals and ``save`` are passed by.

    Raises what the database raises, as Django's errors.
    """
    if not rows:
        return rows
    model = type(rows[0])
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    prepared = [field for field in fields if isinstance(field, models.JSONField)]
    plain = [field for field in fields if field not in prepared]
    columns = [sql.Identifier(str(field.column)) for field in (*plain, *prepared)]
    table = sql.Identifier(model._meta.db_table)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table, sql.Composed(columns).join(", "))
    names = [field.attname for field in plain]
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            values = [getattr(row, name) for name in names]
            values += [field.get_db_prep_save(getattr(row, field.attname), connection) for field in prepared]
            copy.write_row(values)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
    return rows
