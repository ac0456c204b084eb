"""Many new rows of one table at once, by PostgreSQL's COPY.

``bulk_create`` writes one long statement with a placeholder for each value, which costs several times what
the rows themselves do. COPY keeps every constraint and trigger; it gives no keys back, so rows whose key
the database makes come back without one.

Nor does a row need Django's way of making an object, which costs more than COPY does: :func:`new` and
:func:`read` set the columns and pass by signals, defaults and descriptors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from json import JSONEncoder, dumps
from operator import attrgetter, itemgetter
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models.base import ModelState
from psycopg import sql

Row = TypeVar("Row", bound=models.Model)


def new(model: type[Row], columns: Mapping[str, Any], related: Mapping[str, models.Model | None]) -> Row:
    """A row to be inserted: all of its ``columns`` by name, and the objects that some of them refer to.

    Raises TypeError where a column is missing (but the key that the database makes) or none of the model's.
    """
    if columns.keys() != _given(model):
        raise TypeError(f"{model.__name__}: {sorted(columns.keys() ^ _given(model))} are missing or unknown")
    row = _made(model, columns)
    row._state.fields_cache.update(related)
    return row


def read(rows: models.QuerySet[Row], *, without: Collection[str] = ()) -> list[Row]:
    """The rows of a query for one model, all columns of each and nothing that they refer to.

    Columns ``without`` are read where somebody asks for them after all, as those that are deferred.
    """
    names = [name for name in _names(rows.model) if name not in without]
    alias, found = rows.db, []
    for values in rows.values_list(*names):
        row = _made(rows.model, dict(zip(names, values, strict=True)))
        row._state.adding, row._state.db = False, alias
        found.append(row)
    return found


def insert(rows: Sequence[Row]) -> Sequence[Row]:
    """Store new ``rows``, all of one model, with the values they have; signals and ``save`` are passed by.

    Keys that the database makes are stored where the rows have them already (:func:`keys`), all or none:
    raises ValueError where some have. Raises what the database raises, as Django's errors.
    """
    if not rows:
        return rows
    keyed = _keyed(rows)
    lines = _lines(rows, keyed)
    statement = _statement(type(rows[0]), keyed)
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.write(lines)
    alias = connection.alias
    for row in rows:
        state = row._state
        state.adding, state.db = False, alias
    return rows


def keys(model: type[models.Model], count: int) -> list[int]:
    """So many keys of a table whose database makes them: for rows that others name before they are stored."""
    if not count:
        return []
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, column, count],
        )
        return [key for (key,) in cursor.fetchall()]


def update(rows: Sequence[models.Model], fields: Sequence[str], *, unchanged: str = "") -> set[Any]:
    """Write ``fields`` of stored ``rows``, all of one model, in one statement; the keys of those written.

    A row whose column ``unchanged`` has another value by now is passed over. Rows that others may write too
    have to be locked before, in the order of their keys.
    """
    if not rows:
        return set()
    key = rows[0]._meta.pk
    named = [rows[0]._meta.get_field(name) for name in fields]
    compared = [rows[0]._meta.get_field(unchanged)] if unchanged else []
    columns: list[Any] = [key, *compared, *named]
    statement = _update_statement(type(rows[0])._meta.db_table, columns, len(compared))
    values = [
        [each.get_db_prep_save(row.__dict__[each.attname], connection) for row in rows] for each in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return {found for (found,) in cursor.fetchall()}


def ensure(row: models.Model, keys: Collection[Any], fields: Sequence[str]) -> None:
    """A row like ``row`` under each of ``keys``, in one statement; of those stored already, ``fields`` only.

    For a model whose key is given, not made by the database. Rows are written in the order of their keys, so
    that two who do this at once don't wait for each other in a circle. Signals and ``save`` are passed by.
    """
    if not keys:
        return
    key = row._meta.pk
    rest = [field for field in row._meta.concrete_fields if field is not key]
    statement = _ensure_statement(
        row._meta.db_table, key, rest, [each for each in rest if each.name in fields]
    )
    values = [each.get_db_prep_save(row.__dict__[each.attname], connection) for each in rest]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, list(keys)])


def _ensure_statement(
    table: str, key: Any, rest: Sequence[models.Field[Any, Any]], written: Sequence[models.Field[Any, Any]]
) -> sql.Composed:
    """Its parameters are the values of the columns ``rest`` and the array of keys."""
    comma = sql.SQL(", ")
    return sql.SQL(
        "INSERT INTO {table} ({key}, {columns}) SELECT v.key, {values} FROM unnest(%s::{type}) AS v(key) "
        "ORDER BY v.key ON CONFLICT ({key}) DO UPDATE SET {written}"
    ).format(
        table=sql.Identifier(table),
        key=sql.Identifier(str(key.column)),
        columns=comma.join(sql.Identifier(str(each.column)) for each in rest),
        values=comma.join(sql.SQL("%s::") + sql.SQL(_type(each).removesuffix("[]")) for each in rest),
        type=sql.SQL(_type(key)),
        written=comma.join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(str(each.column))) for each in written
        ),
    )


def _update_statement(table: str, columns: Sequence[models.Field[Any, Any]], compared: int) -> sql.Composed:
    """Of the columns the first is the key, then come those ``compared``, then those to be written."""
    names = [sql.Identifier(str(field.column)) for field in columns]
    arrays = [sql.SQL("%s::") + sql.SQL(_type(field)) for field in columns]
    same, written = names[: 1 + compared], names[1 + compared :]
    return sql.SQL("UPDATE {} AS t SET {} FROM unnest({}) AS v({}) WHERE {} RETURNING t.{}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.SQL("{0} = v.{0}").format(name) for name in written),
        sql.SQL(", ").join(arrays),
        sql.SQL(", ").join(names),
        sql.SQL(" AND ").join(sql.SQL("t.{0} = v.{0}").format(name) for name in same),
        names[0],
    )


def _type(field: models.Field[Any, Any]) -> LiteralString:
    """An array of what the column holds. The keys that the database makes have a sequence in their type.

    Texts come without their column's length: a cast to it would cut what is too long, where writing raises.
    """
    found = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    return "text[]" if str(found).startswith(("varchar", "char")) else f"{found}[]"


def _keyed(rows: Sequence[models.Model]) -> bool:
    """Have the rows their keys already? Raises ValueError where only some have: the columns are the same."""
    column = rows[0]._meta.pk.attname
    given = sum([row.__dict__[column] is not None for row in rows])
    if given not in (0, len(rows)):
        raise ValueError(f"{given} of {len(rows)} rows have a key: all or none")
    return given > 0


def _lines(rows: Sequence[models.Model], keyed: bool) -> str:
    """The rows as COPY reads them (PostgreSQL, "Text Format"). Raises TypeError on values of other kinds."""
    plain, json = _stored(type(rows[0]), keyed)
    values_of = _values_of([field.attname for field in plain])
    lines = []
    for row in rows:
        columns = row.__dict__
        texts = [_WRITTEN.get(type(value), _other)(value) for value in values_of(columns)]
        texts += [_json(columns[field.attname], field.encoder) for field in json]
        lines.append("\t".join(texts))
    return "\n".join(lines) + "\n"


def _values_of(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """The values of those columns; of a single one ``itemgetter`` would give the bare value, no tuple."""
    return itemgetter(*names) if len(names) > 1 else lambda columns: [columns[name] for name in names]


def _escaped(text: str) -> str:
    return text if text.isalnum() else text.translate(_ESCAPES)


def _json(value: Any, encoder: type[JSONEncoder] | None) -> str:
    return _NULL if value is None else _escaped(dumps(value, cls=encoder))


def _other(value: Any) -> str:
    """The words of a choice are texts; beside them only what is listed can be written."""
    if isinstance(value, str):
        return _escaped(str.__str__(value))
    raise TypeError(f"no way to write {type(value).__name__} to a column")


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"
_WRITTEN: dict[type, Callable[[Any], str]] = {
    str: _escaped,
    UUID: attrgetter("hex"),
    int: int.__repr__,
    bool: lambda value: "t" if value else "f",
    bytes: lambda value: "\\\\x" + value.hex(),
    datetime: datetime.isoformat,
    type(None): lambda _nothing: _NULL,
}


@cache
def _statement(model: type[models.Model], keyed: bool) -> sql.Composed:
    plain, json = _stored(model, keyed)
    columns = [sql.Identifier(str(field.column)) for field in (*plain, *json)]
    table = sql.Identifier(model._meta.db_table)
    return sql.SQL("COPY {} ({}) FROM STDIN").format(table, sql.Composed(columns).join(", "))


@cache
def _stored(model: type[models.Model], keyed: bool) -> tuple[list[Any], list[models.JSONField[Any, Any]]]:
    """Plain columns, and those of JSON; the key that the database makes only if ``keyed``."""
    found = model._meta.concrete_fields
    fields = [field for field in found if keyed or not isinstance(field, models.AutoField)]
    json = [field for field in fields if isinstance(field, models.JSONField)]
    return [field for field in fields if field not in json], json


def _made(model: type[Row], columns: Mapping[str, Any]) -> Row:
    row = model.__new__(model)
    row._state = ModelState()
    row.__dict__.update(_without_key(model))
    row.__dict__.update(columns)
    return row


@cache
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


@cache
def _without_key(model: type[models.Model]) -> dict[str, None]:
    """The key that the database makes, if it does: none yet."""
    fields = model._meta.concrete_fields
    return {field.attname: None for field in fields if isinstance(field, models.AutoField)}


@cache
def _given(model: type[models.Model]) -> frozenset[str]:
    return frozenset(_names(model)) - _without_key(model).keys()
