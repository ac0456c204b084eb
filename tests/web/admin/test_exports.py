"""What leaves as a spreadsheet is the filtered list, and runs nothing."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from consortium.web.admin import exports
from tests.factories import InstitutionFactory


def lines(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.parametrize("value", ["=1+1", "+86 755", "-2", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_a_formula_becomes_text(value: str) -> None:
    assert exports.cell(value) == f"'{value}"


@pytest.mark.django_db
def test_csv_has_what_the_list_shows(zhou_lan: Client) -> None:
    InstitutionFactory(n=1, active=True, legal_name_en="=HYPERLINK(1)")
    InstitutionFactory(n=2, suspended=True)
    page = zhou_lan.get("/admin/members/institution/export.csv?status__exact=active")
    rows = lines(page.content)
    assert len(rows) == 2
    assert rows[1][0] == "qingchuan1-bank"
    assert rows[1][2] == "'=HYPERLINK(1)"
    assert page["Content-Disposition"] == 'attachment; filename="institution.csv"'


@pytest.mark.django_db
def test_csv_follows_the_search(zhou_lan: Client) -> None:
    InstitutionFactory(n=1, active=True)
    wanted = InstitutionFactory(n=2, active=True)
    page = zhou_lan.get(f"/admin/members/institution/export.csv?q={wanted.lei}")
    assert [row[5] for row in lines(page.content)[1:]] == [wanted.lei]


@pytest.mark.django_db
def test_xlsx_opens_and_holds_text_only(wu_rui: Client) -> None:
    InstitutionFactory(n=1, active=True, legal_name_en="=1+1")
    page = wu_rui.get("/admin/members/institution/export.xlsx")
    sheet = load_workbook(io.BytesIO(page.content)).active
    assert sheet is not None
    assert sheet.cell(2, 3).value == "'=1+1"
    assert sheet.cell(2, 3).data_type == "s"


@pytest.mark.django_db
def test_a_members_officer_exports_nothing(chen_ling: Client, hailong: Any) -> None:
    assert chen_ling.get("/admin/members/institution/export.csv").status_code == 404
