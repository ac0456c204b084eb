"""Reading a roster's bytes: what it is shows by content, and what is too much is refused before unpacking."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from consortium.core import events
from consortium.core.errors import ConsoleError
from consortium.core.models import Event
from consortium.members import roster, roster_file
from consortium.members.errors import RosterHeader, RosterTooLarge, RosterTooLong, RosterUnreadable

COLUMNS = [*roster.REQUIRED, *roster.OPTIONAL]
ROW: dict[str, Any] = {
    "short_name": "heming-bank",
    "legal_name_zh": "鹤鸣银行股份有限公司",
    "legal_name_en": "Heming Bank, Co., Ltd.",
    "category": "banking",
    "uscc": "91440300NPP4Q49KD6",
    "contact_name": "Zhou Lan",
    "contact_email": "zhou.lan@heming.example",
    "lei": "836800YMLLXRT7PMU908",
    "joined_on": "2017-12-14",
    "contact_phone": "+86 755 42479760",
    "founding_member": "no",
}
LINE = ",".join(f'"{ROW[column]}"' for column in COLUMNS)
CSV = ",".join(COLUMNS) + "\n" + LINE + "\n"


def xlsx(*rows: list[Any]) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def xlsx_row(**cells: Any) -> bytes:
    return xlsx(list(COLUMNS), [(ROW | cells)[column] for column in COLUMNS])


def only_row(data: bytes, filename: str = "roster.any") -> roster_file.RawRow:
    (row,) = roster.read(data, filename).rows
    return row


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (CSV.encode(), "csv, UTF-8"),
        (CSV.encode("utf-8-sig"), "csv, UTF-8"),
        (CSV.encode("gb18030"), "csv, GB18030"),
        (CSV.replace("\n", "\r\n").encode(), "csv, UTF-8"),
        (CSV.replace('","', '";"').replace("e,l", "e;l").replace(",", ";").encode(), "csv, UTF-8"),
        (CSV.replace('","', '"\t"').replace(",", "\t").encode(), "csv, UTF-8"),
        (xlsx_row(), "xlsx"),
    ],
    ids=["utf-8", "bom", "gb18030", "windows lines", "semicolons", "tabs", "xlsx"],
)
def test_every_form_is_told_by_its_content_whatever_the_file_is_called(data: bytes, form: str) -> None:
    for filename in ("roster.csv", "roster.xlsx", "roster"):
        file = roster.read(data, filename)
        assert file.form == form
        assert file.rows[0].number == 2
        assert file.rows[0].values["legal_name_zh"] == "鹤鸣银行股份有限公司"
        assert file.rows[0].values["uscc"] == "91440300NPP4Q49KD6"


@pytest.mark.parametrize("day", [date(2017, 12, 14), datetime(2017, 12, 14)])  # noqa: DTZ001 - as Excel has it
def test_a_spreadsheet_s_dates_yes_and_no_and_telephone_numbers_are_understood(day: date) -> None:
    row = only_row(xlsx_row(joined_on=day, founding_member=True, contact_phone=75542479760))
    assert row.values["joined_on"] == "2017-12-14"
    assert row.values["founding_member"] == "yes"
    assert row.values["contact_phone"] == "75542479760"
    assert row.problems == ()


def test_a_formula_in_a_spreadsheet_arrives_as_its_text_never_as_its_value() -> None:
    row = only_row(xlsx_row(legal_name_en='=HYPERLINK("http://x.example","open")'))
    assert row.values["legal_name_en"].startswith("=HYPERLINK")


@pytest.mark.parametrize("number", [914403001234567890, 9.1440300123456e17, 1.5])
def test_a_code_that_the_spreadsheet_made_a_number_is_refused(number: float) -> None:
    assert only_row(xlsx_row(uscc=number)).problems == (("uscc", "number_cell"),)


def test_an_error_of_the_spreadsheet_is_refused() -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(COLUMNS)
    broken = WriteOnlyCell(sheet, value="#REF!")
    broken.data_type = "e"
    sheet.append([broken if column == "lei" else ROW[column] for column in COLUMNS])
    buffer = io.BytesIO()
    book.save(buffer)
    assert only_row(buffer.getvalue()).problems == (("lei", "error_cell"),)


def test_empty_rows_and_columns_of_a_spreadsheet_are_left_out_and_numbers_stay() -> None:
    full = [ROW[column] for column in COLUMNS]
    file = roster.read(xlsx([*COLUMNS, None, ""], [], [None, ""], full, []), "roster.xlsx")
    assert [row.number for row in file.rows] == [4]
    assert file.columns == tuple(COLUMNS)


def refusal_of(data: bytes, filename: str = "roster.csv") -> dict[str, Any]:
    with pytest.raises(RosterUnreadable) as refused:
        roster.read(data, filename)
    return refused.value.params


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (",".join(COLUMNS).encode(), "no_rows"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_excel"),
        (CSV.encode("utf-16"), "encoding"),
        (b"short_name\n\xff\xff\xff", "encoding"),
        (CSV.encode() + b'"never closed', "csv"),
        (CSV.encode() + b'"closed"too early,x\n', "csv"),
        (CSV.encode() + b"x" * 140_000, "csv"),
        (b"PK\x03\x04 and nothing more", "xlsx"),
        (xlsx_row()[:-200], "xlsx"),
    ],
    ids=[
        *("nothing", "empty lines", "header alone", "old workbook", "UTF-16", "no encoding", "open quote"),
        *("early quote", "one long line", "no archive", "cut workbook"),
    ],
)
def test_a_file_that_can_not_be_read_has_a_word_for_it(data: bytes, rule: str) -> None:
    assert refusal_of(data)["rule"] == rule


def test_the_line_of_a_malformed_csv_is_named() -> None:
    with translation.override("en"):
        reason = refusal_of(CSV.encode() + b'"closed"too early,x\n')["reason"]
    assert reason == "Not a well-formed CSV file near line 3."


def zipped(**parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def rezipped(replace: str, content: bytes) -> bytes:
    """A good workbook with one part exchanged."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx_row())) as old, zipfile.ZipFile(buffer, "w", 8) as new:
        for part in old.infolist():
            new.writestr(part, content if part.filename == replace else old.read(part))
    return buffer.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(**{"xl/workbook.xml": b" " * (roster_file.MAX_UNPACKED + 1)})
    assert len(bomb) < 100_000
    assert refusal_of(bomb)["rule"] == "xlsx_too_large"


def test_a_zip_with_thousands_of_parts_is_refused() -> None:
    parts = {f"part{n}": b"" for n in range(roster_file.MAX_PARTS + 1)}
    assert refusal_of(zipped(**parts))["rule"] == "xlsx_too_large"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_in_a_workbook_are_refused(encoding: str) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa">]><sst>&a;</sst>'
    assert refusal_of(rezipped("xl/worksheets/sheet1.xml", text.encode(encoding)))["rule"] == "xlsx"


@pytest.mark.parametrize("content", [b"", b"<worksheet", b"<nothing/>" * 3, b"\0\1\2"])
def test_a_workbook_with_a_broken_sheet_is_refused(content: bytes) -> None:
    assert refusal_of(rezipped("xl/worksheets/sheet1.xml", content))["rule"] in {"xlsx", "empty"}


def test_a_workbook_whose_part_lies_about_its_size_is_refused() -> None:
    data = bytearray(xlsx_row())
    at = data.find(b"PK\x01\x02")  # the central directory: 24 bytes on stands the unpacked size
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    assert refusal_of(bytes(data))["rule"] == "xlsx"


def test_too_many_bytes_and_too_many_rows_are_refused_with_the_limit() -> None:
    with pytest.raises(RosterTooLarge) as bytes_refused:
        roster.read(b"x" * (roster_file.MAX_BYTES + 1), "roster.csv")
    assert bytes_refused.value.params["maximum"] == roster_file.MAX_BYTES
    header, row = CSV.splitlines()
    short = row.split(",", 1)[0]
    for data in (
        "\n".join([header, *[short] * (roster_file.MAX_ROWS + 1)]).encode(),
        xlsx(list(COLUMNS), *[["heming-bank"]] * (roster_file.MAX_ROWS + 1)),
    ):
        with pytest.raises(RosterTooLong) as rows_refused:
            roster.read(data, "roster.csv")
        assert rows_refused.value.params == {"filename": "roster.csv", "maximum": 5000}


def test_a_lone_cell_a_billion_rows_down_does_not_keep_the_reader_busy() -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData></worksheet>'
    )
    with pytest.raises(RosterTooLong):
        roster.read(rezipped("xl/worksheets/sheet1.xml", sheet), "roster.xlsx")


def read_or_refused(data: bytes) -> str:
    """How it ended; whatever else is raised fails the test."""
    try:
        return roster.read(data, "roster").form
    except ConsoleError as refusal:
        return refusal.code if str(refusal) else "no words"


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_read_or_refused_in_words(data: bytes) -> None:
    assert read_or_refused(data).startswith(("roster_", "csv"))


WORKBOOK = xlsx_row()


@given(st.lists(st.tuples(st.integers(0, len(WORKBOOK) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_workbook_with_any_bytes_flipped_is_read_or_refused_in_words(flips: list[tuple[int, int]]) -> None:
    data = bytearray(WORKBOOK)
    for position, value in flips:
        data[position] = value
    assert read_or_refused(bytes(data)) in {
        "xlsx", "csv, GB18030", "csv, UTF-8",
        "roster_unreadable", "roster_header", "roster_too_large", "roster_too_long",
    }  # fmt: skip


@given(st.text(max_size=200))
def test_any_text_below_a_good_header_becomes_rows_that_can_be_checked(text: str) -> None:
    data = (",".join(COLUMNS) + "\n" + text).encode("utf-8", "replace")
    assert read_or_refused(data) in {"csv, UTF-8", "roster_unreadable"}


def test_as_many_rows_as_allowed_are_read() -> None:
    header, row = CSV.splitlines()
    data = "\n".join([header, *[row] * roster_file.MAX_ROWS]).encode()
    assert len(roster.read(data, "roster.csv").rows) == roster_file.MAX_ROWS


def header_refusal(columns: list[str]) -> dict[str, str]:
    data = (",".join(columns) + "\n" + ",".join("x" for _ in columns) + "\n").encode()
    with pytest.raises(RosterHeader) as refused:
        roster.read(data, "roster.csv")
    return {key: refused.value.params[key] for key in ("missing", "unknown", "repeated")}


def test_missing_unknown_and_repeated_columns_are_all_named_at_once() -> None:
    columns = [column for column in COLUMNS if column not in {"uscc", "category"}]
    assert header_refusal([*columns, "lei", "favourite_colour", "", "joined_on"]) == {
        "missing": "category, uscc",
        "unknown": "favourite_colour, –",
        "repeated": "joined_on, lei",
    }


def test_a_header_in_capitals_and_with_spaces_is_understood() -> None:
    header, row = CSV.splitlines()
    assert only_row(f" {header.upper().replace(',', ' , ')}\n{row}\n".encode()).values["lei"] == ROW["lei"]


def test_a_novel_for_a_header_is_not_repeated_in_full() -> None:
    unknown = header_refusal([f"chapter {n} " + "x" * 200 for n in range(30)])["unknown"]
    assert len(unknown) < 500
    assert unknown.endswith(", …")


def test_optional_columns_may_be_left_out() -> None:
    data = xlsx(list(roster.REQUIRED), [ROW[column] for column in roster.REQUIRED])
    assert roster.read(data, "roster.xlsx").columns == roster.REQUIRED


def test_a_filename_is_shown_without_its_path_and_without_tricks() -> None:
    with pytest.raises(RosterUnreadable) as refused:
        roster.read(b"", "C:\\Users\\lan\\\u202egnp.csv\x00\n")
    assert refused.value.params["filename"] == "gnp.csv"


@pytest.mark.django_db
def test_a_file_that_can_not_be_read_leaves_an_event_and_nothing_else() -> None:
    with pytest.raises(RosterUnreadable):
        roster.load(b"", "empty.csv", actor=events.COMMAND)
    with pytest.raises(RosterHeader):
        roster.load(b"a,b\n1,2\n", "other.csv", actor=events.COMMAND)
    recorded = [(e.action, e.subject_label, e.data["code"]) for e in Event.objects.order_by("id")]
    assert recorded == [
        ("roster.refused", "empty.csv", "roster_unreadable"),
        ("roster.refused", "other.csv", "roster_header"),
    ]


def test_the_roster_shipped_with_the_project_is_read() -> None:
    data = Path("consortium/members/data/roster.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "it has a BOM, as spreadsheets write it"
    assert len(roster.read(data, "roster.csv").rows) == 80
