"""Reading a roster's bytes into rows of text: CSV in UTF-8 or GB18030, or XLSX. What it is shows by content.

Nothing here knows what the columns mean. Files come from strangers' spreadsheets, so every size is bounded
before anything is unpacked.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal

from openpyxl import load_workbook

from consortium.core.errors import ConsoleError
from consortium.members.errors import RosterHeader, RosterTooLarge, RosterTooLong, RosterUnreadable

MAX_BYTES = 2 * 1024 * 1024
MAX_ROWS = 5000
MAX_SCANNED = 100_000  # rows, empty ones too, that are looked at for those with something in them
MAX_COLUMNS = 64
MAX_UNPACKED = 16 * 1024 * 1024  # bytes of an XLSX file's parts together
MAX_PARTS = 200
_EXACT_INTEGER = 10**15  # spreadsheets keep 15 digits of a number

Form = Literal["csv, UTF-8", "csv, GB18030", "xlsx"]
Row = tuple[int, Sequence[Any]]  # its number in the spreadsheet, and its cells


@dataclass(frozen=True)
class RawRow:
    """One row as text. ``number`` is what a spreadsheet shows at its edge: the header is row 1."""

    number: int
    values: dict[str, str]
    problems: tuple[tuple[str, str], ...] = ()  # (column, code) of cells that were no text to begin with


@dataclass(frozen=True)
class RosterFile:
    """A roster that could be read. ``columns`` are those that it has, in its order."""

    filename: str
    form: Form
    sha256: str
    columns: tuple[str, ...]
    rows: tuple[RawRow, ...]


def parse(data: bytes, filename: str, *, required: Iterable[str], optional: Iterable[str]) -> RosterFile:
    """Read a roster. Raises RosterUnreadable, RosterTooLarge, RosterTooLong, RosterHeader."""
    filename = _shown(filename)
    if len(data) > MAX_BYTES:
        raise RosterTooLarge(filename=filename, maximum=MAX_BYTES)
    form, rows = _rows(data, filename)
    header = next(rows, None)
    if header is None:
        raise RosterUnreadable(filename, "empty")
    columns = _columns(header[1], filename, set(required), set(optional))
    body = tuple(_bounded(rows, columns, filename))
    if not body:
        raise RosterUnreadable(filename, "no_rows")
    return RosterFile(filename, form, sha256(data).hexdigest(), columns, body)


def _shown(filename: str) -> str:
    """The file's own name, fit for a sentence and the record."""
    name = re.split(r"[/\\]", filename)[-1]
    return "".join(c for c in name if c.isprintable())[:120] or "roster"


def _rows(data: bytes, filename: str) -> tuple[Form, Iterator[Row]]:
    if data.startswith(b"PK\x03\x04"):
        return "xlsx", _xlsx_rows(data, filename)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise RosterUnreadable(filename, "old_excel")
    form, text = _decode(data, filename)
    return form, _csv_rows(text, filename)


def _decode(data: bytes, filename: str) -> tuple[Form, str]:
    """UTF-8 where the bytes are valid UTF-8, which Chinese text in GB18030 hardly ever is; else GB18030."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RosterUnreadable(filename, "encoding")
    try:
        return "csv, UTF-8", data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return "csv, GB18030", data.decode("gb18030")
    except UnicodeDecodeError:
        raise RosterUnreadable(filename, "encoding") from None


def _csv_rows(text: str, filename: str) -> Iterator[Row]:
    """Comma, or the semicolon or tab that spreadsheets write in some countries. Empty rows are left out."""
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if any(cells):
                yield number, cells
    except csv.Error:
        raise RosterUnreadable(filename, "csv", line=reader.line_num or number + 1) from None


def _xlsx_rows(data: bytes, filename: str) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bomb(archive, filename)
        yield from _first_sheet(data, filename)
    except ConsoleError:
        raise
    except Exception as error:
        # zipfile, the XML parser and openpyxl let through whatever they trip over: a dozen kinds of errors
        raise RosterUnreadable(filename, "xlsx") from error


def _refuse_bomb(archive: zipfile.ZipFile, filename: str) -> None:
    """Before openpyxl unpacks it: declared sizes (zipfile reads no more than that), and no XML entities."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise RosterUnreadable(filename, "xlsx_too_large")
    for part in parts:
        if b"<!DOCTYPE" in archive.read(part).replace(b"\0", b""):  # in UTF-16 too
            raise RosterUnreadable(filename, "xlsx")


def _first_sheet(data: bytes, filename: str) -> Iterator[Row]:
    book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its own size may be wrong
        for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), start=1):
            if number > MAX_SCANNED:  # one cell in row 999999999 is as many empty rows before it
                raise RosterTooLong(filename=filename, maximum=MAX_ROWS)
            if any(cell.value is not None for cell in cells):
                yield number, [_ErrorCell if cell.data_type == "e" else cell.value for cell in cells]
    finally:
        book.close()


class _ErrorCell:
    """Stands for #REF! and its like."""


def _columns(cells: Sequence[Any], filename: str, required: set[str], optional: set[str]) -> tuple[str, ...]:
    names = [_text(cell)[0].strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()  # a spreadsheet's empty columns to the right
    missing = required - set(names)
    unknown = {name or "–" for name in names if name not in required | optional}
    repeated = {name for name in names if name and names.count(name) > 1}
    if missing or unknown or repeated:
        raise RosterHeader(
            filename=filename, missing=_list(missing), unknown=_list(unknown), repeated=_list(repeated)
        )
    return tuple(names)


def _list(names: set[str]) -> str:
    """At most ten, and none at full length: a file that is no roster may have a novel for a header."""
    shown = ["".join(c for c in name if c.isprintable())[:40] for name in sorted(names)[:10]]
    return ", ".join(shown) + (", …" if len(names) > 10 else "") or "–"


def _bounded(rows: Iterator[Row], columns: tuple[str, ...], filename: str) -> Iterator[RawRow]:
    for number, cells in rows:
        if number > MAX_ROWS + 1:
            raise RosterTooLong(filename=filename, maximum=MAX_ROWS)
        row = _raw(number, cells, columns)
        if row.problems or any(row.values.values()):
            yield row


def _raw(number: int, cells: Sequence[Any], columns: tuple[str, ...]) -> RawRow:
    problems: list[tuple[str, str]] = []
    values: dict[str, str] = {}
    for index, column in enumerate(columns):
        values[column], code = _text(cells[index] if index < len(cells) else None)
        if code:
            problems.append((column, code))
    if any(_text(cell) != ("", None) for cell in cells[len(columns) :]):
        problems.append(("", "too_many_cells"))
    return RawRow(number, values, tuple(problems))


def _text(cell: Any) -> tuple[str, str | None]:
    """A cell as somebody would have typed it, and the code of what is wrong with it."""
    if cell is None:
        return "", None
    if cell is _ErrorCell:
        return "", "error_cell"
    if isinstance(cell, bool):
        return ("yes" if cell else "no"), None
    if isinstance(cell, datetime):
        return cell.date().isoformat(), None
    if isinstance(cell, date):
        return cell.isoformat(), None
    if isinstance(cell, int | float):
        return _number(cell)
    return str(cell).strip(), None


def _number(cell: int | float) -> tuple[str, str | None]:
    if cell != cell or abs(cell) >= _EXACT_INTEGER or cell != int(cell):
        return "", "number_cell"
    return str(int(cell)), None
