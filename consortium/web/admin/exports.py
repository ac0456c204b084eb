"""Lists as CSV and XLSX: what the list shows, with its filters and search, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from openpyxl import Workbook

Column = tuple[str | Promise, Callable[[Any], Any]]
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
MAX_ROWS = 50_000


def cell(value: Any) -> str:
    """A value as text that no spreadsheet runs: a leading formula sign gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    shown = str(value)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


def _lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterable[list[str]]:
    yield [str(title) for title, _read in columns]
    for row in rows:
        yield [cell(read(row)) for _title, read in columns]


def as_csv(name: str, columns: Sequence[Column], rows: Iterable[Any]) -> HttpResponse:
    """UTF-8 with a byte order mark, or Excel would show Chinese as noise."""
    page = io.StringIO()
    page.write("\ufeff")
    csv.writer(page).writerows(_lines(columns, rows))
    return _download(page.getvalue().encode(), "text/csv; charset=utf-8", f"{name}.csv")


def as_xlsx(name: str, columns: Sequence[Column], rows: Iterable[Any]) -> HttpResponse:
    """One sheet, all cells text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:31])
    for line in _lines(columns, rows):
        sheet.append(line)
    page = io.BytesIO()
    book.save(page)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _download(page.getvalue(), kind, f"{name}.xlsx")


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
