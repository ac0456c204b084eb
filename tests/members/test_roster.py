"""The roster: every bad row is named, nothing is imported by halves, and twice is once."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from consortium.core import events
from consortium.core.errors import NotAllowed
from consortium.core.models import Event
from consortium.members import roster, services
from consortium.members.errors import RosterHasErrors
from consortium.members.models import Institution
from consortium.members.states import Status
from tests.factories import CategoryFactory, InstitutionFactory, UserFactory

pytestmark = pytest.mark.django_db

ROSTER = Path("consortium/members/data/roster.csv").resolve()
FAULTY = Path(__file__).parents[1] / "data" / "roster-with-errors.csv"
GBK = Path(__file__).parents[1] / "data" / "roster-gbk.csv"


def preview_of(path: Path) -> roster.Preview:
    return roster.load(path.read_bytes(), path.name, actor=events.COMMAND)


def do_import(path: Path, *, skip_bad: bool = False, founding: bool = False) -> roster.Report:
    return roster.import_rows(preview_of(path), actor=events.COMMAND, skip_bad=skip_bad, founding=founding)


def rows() -> list[tuple[object, ...]]:
    """Every institution, whole."""
    return list(Institution.objects.order_by("uscc").values_list())


def csv_with(**cells: str) -> bytes:
    """A roster of one good row, with these cells instead; a column set to "-" is left out."""
    row = {
        "short_name": "qushui-bank",
        "legal_name_zh": "鹤鸣银行股份有限公司",
        "legal_name_en": "Heming Bank",
        "category": "banking",
        "uscc": "91440300NPP4Q49KD6",
        "lei": "836800YMLLXRT7PMU908",
        "joined_on": "2017-12-14",
        "contact_name": "Zhou Lan",
        "contact_email": "zhou.lan@heming.example",
        "contact_phone": "+86 755 42479760",
        "founding_member": "no",
    } | cells
    kept = {column: cell for column, cell in row.items() if cell != "-"}
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in kept.values()]
    return (",".join(kept) + "\n" + ",".join(quoted) + "\n").encode()


def problems_of(data: bytes) -> list[tuple[int, str, str]]:
    preview = roster.check(roster.read(data, "roster.csv"))
    return [(p.row, p.column, p.code) for p in preview.problems]


def test_the_demonstration_roster_has_eighty_good_rows_in_six_categories() -> None:
    preview = preview_of(ROSTER)
    assert preview.problems == []
    assert Counter(row.values["category"].code for row in preview.rows) == {
        "banking": 30, "securities": 14, "technology": 12, "funds": 10, "insurance": 9, "equity-exchange": 5,
    }  # fmt: skip
    assert Institution.objects.count() == 0, "a preview writes nothing"


def test_before_the_founding_closes_an_import_admits_afterwards_it_only_applies() -> None:
    assert do_import(ROSTER, founding=True) == roster.Report(new=80, changed=0, unchanged=0, skipped=0)
    assert set(Institution.objects.values_list("status", flat=True)) == {Status.ADMITTED}
    assert not Event.objects.exclude(action="institution.imported").exists()


def test_an_import_after_the_founding_makes_applicants() -> None:
    do_import(GBK)
    assert Institution.objects.filter(status=Status.APPLIED).count() == 20


def test_importing_twice_changes_nothing_and_leaves_no_event() -> None:
    do_import(ROSTER, founding=True)
    before, recorded = rows(), Event.objects.count()
    assert recorded == 80
    assert do_import(ROSTER, founding=True) == roster.Report(new=0, changed=0, unchanged=80, skipped=0)
    assert do_import(ROSTER) == roster.Report(new=0, changed=0, unchanged=80, skipped=0)
    assert rows() == before
    assert Event.objects.count() == recorded


def test_the_gb18030_file_reads_like_the_utf8_one() -> None:
    preview = preview_of(GBK)
    assert preview.file.form == "csv, GB18030"
    utf8 = {row.values["uscc"]: row.values for row in preview_of(ROSTER).rows}
    assert len(preview.rows) == 20
    for row in preview.rows:
        assert row.values == utf8[row.values["uscc"]]


EXPECTED = [
    (2, "lei", "lei_check_digits"),
    (3, "uscc", "uscc_check_digit"),
    (4, "category", "unknown_category"),
    (5, "legal_name_zh", "required"),
    (6, "short_name", "repeated"),
    (7, "short_name", "repeated"),
    (8, "lei", "repeated"),
    (9, "lei", "repeated"),
    (10, "legal_name_en", "formula"),
    (11, "contact_email", "email"),
    (12, "joined_on", "date"),
]


def test_eleven_faulty_rows_are_named_by_row_column_and_code_and_one_is_good() -> None:
    preview = preview_of(FAULTY)
    assert [(p.row, p.column, p.code) for p in preview.problems] == EXPECTED
    assert [row.number for row in preview.good] == [13]
    assert preview.good[0].values["short_name"] == "xikou-banking"


def test_each_reason_is_a_sentence_and_a_pair_names_both_rows() -> None:
    with translation.override("en"):
        reasons = {p.row: p.reason for p in preview_of(FAULTY).problems}
    assert reasons[6] == reasons[7] == "It appears in several rows: 6, 7."
    assert reasons[4] == (
        "There is no industry category “bakery”. "
        "Known: banking, funds, securities, insurance, equity-exchange, technology."
    )
    assert reasons[10] == "It starts with “=”: a spreadsheet would run it as a formula."
    assert reasons[12] == "Not a date. Write it as YYYY-MM-DD."


def test_nothing_is_imported_while_a_row_is_bad_and_only_the_refusal_is_recorded() -> None:
    with pytest.raises(RosterHasErrors) as refused:
        do_import(FAULTY)
    assert refused.value.params == {"count": 11}
    assert len(refused.value.preview.problems) == 11
    assert Institution.objects.count() == 0
    assert [(e.action, e.subject_label) for e in Event.objects.all()] == [("roster.refused", FAULTY.name)]


def test_skipping_the_bad_rows_imports_the_good_one() -> None:
    assert do_import(FAULTY, skip_bad=True) == roster.Report(new=1, changed=0, unchanged=0, skipped=11)
    assert [i.short_name for i in Institution.objects.all()] == ["xikou-banking"]


def test_the_faulty_roster_after_the_good_one_still_changes_nothing_by_itself() -> None:
    do_import(ROSTER, founding=True)
    before = rows()
    found = {(p.row, p.column, p.code) for p in preview_of(FAULTY).problems}
    assert set(EXPECTED) <= found
    # The rows that borrow another's name or LEI contradict the record as well.
    assert found - set(EXPECTED) == {(6, "short_name", "differs"), (8, "lei", "differs")}
    assert do_import(FAULTY, skip_bad=True) == roster.Report(new=0, changed=0, unchanged=1, skipped=11)
    assert rows() == before


def test_a_changed_contact_is_imported_with_what_it_was() -> None:
    do_import(ROSTER)
    changed = ROSTER.read_text("utf-8-sig").replace("Sun Lan,", "Sun Lanlan,", 1)
    preview = roster.load(changed.encode(), "changed.csv", actor=events.COMMAND)
    assert [(row.number, row.changes) for row in preview.rows if row.action == "changed"] == [
        (2, {"contact_name": ("Sun Lan", "Sun Lanlan")})
    ]
    report = roster.import_rows(preview, actor=events.COMMAND, skip_bad=False)
    assert report == roster.Report(new=0, changed=1, unchanged=79, skipped=0)
    event = Event.objects.get(action="institution.changed")
    assert event.data["changes"] == {"contact_name": ["Sun Lan", "Sun Lanlan"]}
    assert event.data["row"] == 2


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"short_name": "another-name"}, "short_name"),
        ({"category": "funds"}, "category"),
        ({"lei": "836800KD77EZW2NGXY66"}, "lei"),
        ({"founding_member": "yes"}, "founding_member"),
    ],
)
def test_what_stands_in_certificates_and_on_the_ledger_no_spreadsheet_changes(
    cells: dict[str, str], column: str
) -> None:
    roster.import_rows(
        roster.load(csv_with(), "first.csv", actor=events.COMMAND), actor=events.COMMAND, skip_bad=False
    )
    assert problems_of(csv_with(**cells)) == [(2, column, "differs")]


def test_an_empty_optional_cell_changes_nothing_and_a_missing_lei_can_be_added() -> None:
    without = roster.load(csv_with(lei="", joined_on=""), "first.csv", actor=events.COMMAND)
    roster.import_rows(without, actor=events.COMMAND, skip_bad=False)
    assert Institution.objects.get().lei is None
    roster.import_rows(
        roster.load(csv_with(contact_phone="-"), "second.csv", actor=events.COMMAND),
        actor=events.COMMAND,
        skip_bad=False,
    )
    assert Institution.objects.get().lei == "836800YMLLXRT7PMU908"
    again = roster.load(csv_with(lei="", contact_phone=""), "third.csv", actor=events.COMMAND)
    assert again.count("unchanged") == 1


def test_a_name_or_lei_of_another_institution_is_taken() -> None:
    InstitutionFactory(short_name="qushui-bank", lei="836800YMLLXRT7PMU908")
    assert problems_of(csv_with()) == [(2, "short_name", "taken"), (2, "lei", "taken")]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"uscc": "91440300NPP4Q49KD7"}, ("uscc", "uscc_check_digit")),
        ({"uscc": "91440300 NPP4Q49KD6"}, ("uscc", "uscc_format")),
        ({"uscc": "９１440300NPP4Q49KD6"}, ("uscc", "not_ascii")),
        ({"lei": "836800YMLLXRT7PMU9O8"}, ("lei", "lei_format")),
        ({"legal_name_en": "He\x00ming"}, ("legal_name_en", "hidden_character")),
        ({"legal_name_en": "He\u202eming"}, ("legal_name_en", "hidden_character")),
        ({"legal_name_zh": "鹤\u200b鸣"}, ("legal_name_zh", "hidden_character")),
        ({"legal_name_zh": "＝1+1"}, ("legal_name_zh", "formula")),
        ({"contact_name": "@SUM(A1)"}, ("contact_name", "formula")),
        ({"contact_name": "Zhou\nLan"}, ("contact_name", "hidden_character")),
        ({"contact_email": "-zhou@heming.example"}, ("contact_email", "formula")),
        ({"contact_phone": "+1+1"}, ("contact_phone", "phone")),
        ({"contact_phone": "=1+1"}, ("contact_phone", "phone")),
        ({"short_name": "Heming Bank"}, ("short_name", "slug")),
        ({"short_name": "h" * 41}, ("short_name", "too_long")),
        ({"joined_on": "2999-01-01"}, ("joined_on", "date_out_of_range")),
        ({"joined_on": "14/12/2017"}, ("joined_on", "date")),
        ({"founding_member": "perhaps"}, ("founding_member", "yes_or_no")),
        ({"legal_name_en": "x" * 201}, ("legal_name_en", "too_long")),
    ],
)
def test_a_bad_cell_is_named(cells: dict[str, str], expected: tuple[str, str]) -> None:
    assert problems_of(csv_with(**cells)) == [(2, *expected)]


def test_a_row_with_more_cells_than_the_header_is_named() -> None:
    data = csv_with().rstrip(b"\n") + b",surplus\n"
    assert problems_of(data) == [(2, "", "too_many_cells")]


def test_a_missing_lei_can_not_be_filled_with_another_s() -> None:
    roster.import_rows(
        roster.load(csv_with(lei=""), "first.csv", actor=events.COMMAND), actor=events.COMMAND, skip_bad=False
    )
    InstitutionFactory(lei="836800YMLLXRT7PMU908")
    assert problems_of(csv_with()) == [(2, "lei", "taken")]


def test_rows_are_numbered_as_the_spreadsheet_shows_them() -> None:
    header, row = csv_with(category="bakery").decode().splitlines()
    assert problems_of(f"{header}\n\n\n{row}\n".encode()) == [(4, "category", "unknown_category")]


def test_the_record_is_asked_again_when_the_import_runs() -> None:
    """Between the preview and the click somebody else entered one with the same name."""
    preview = roster.load(csv_with(), "roster.csv", actor=events.COMMAND)
    InstitutionFactory(short_name="qushui-bank")
    with pytest.raises(RosterHasErrors):
        roster.import_rows(preview, actor=events.COMMAND, skip_bad=False)
    assert Institution.objects.count() == 1


def test_only_the_secretariat_imports() -> None:
    for user in (UserFactory(), UserFactory(regulator=True)):
        with pytest.raises(NotAllowed):
            roster.load(csv_with(), "roster.csv", actor=user)
    before = Institution.objects.count()
    lan = UserFactory(secretariat=True)
    preview = roster.load(csv_with(), "roster.csv", actor=lan)
    roster.import_rows(preview, actor=lan, skip_bad=False)
    assert Institution.objects.count() == before + 1
    assert Event.objects.get(action="institution.imported").actor_id == lan.pk


def test_an_applicant_entered_by_hand_is_found_again_by_its_uscc() -> None:
    services.apply(
        short_name="qushui-bank",
        legal_name_zh="鹤鸣银行股份有限公司",
        legal_name_en="Heming Bank",
        category=CategoryFactory(),
        uscc="91440300NPP4Q49KD6",
        lei="836800YMLLXRT7PMU908",
        joined_on=None,
        contact_name="Zhou Lan",
        contact_email="zhou.lan@heming.example",
        contact_phone="+86 755 42479760",
        actor=UserFactory(secretariat=True),
    )
    preview = roster.check(roster.read(csv_with(joined_on=""), "roster.csv"))
    assert [row.action for row in preview.rows] == ["unchanged"]


def test_the_preview_asks_the_database_the_same_few_times_for_eighty_rows(
    django_assert_num_queries: object,
) -> None:
    file = roster.read(ROSTER.read_bytes(), ROSTER.name)
    with django_assert_num_queries(4):  # type: ignore[operator]
        roster.check(file)


def run_command(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_roster", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"CommandError {error}")
    return out.getvalue(), err.getvalue()


def test_the_command_prints_every_bad_row() -> None:
    with translation.override("en"):
        out, err = run_command(str(FAULTY))
    printed = err.splitlines()
    for row, column, code in EXPECTED:
        assert any(line.startswith(f"row {row}, {column}: {code}: ") for line in printed), err
    assert printed[-1].startswith("CommandError Nothing was imported: 11 rows have errors.")
    assert out == ""
    assert Institution.objects.count() == 0


def test_the_command_says_what_it_did_and_can_run_again() -> None:
    assert run_command(str(ROSTER), "--founding")[0] == (
        "roster.csv (csv, UTF-8): 80 new, 0 changed, 0 unchanged, 0 skipped\n"
    )
    assert run_command(str(ROSTER), "--founding")[0] == (
        "roster.csv (csv, UTF-8): 0 new, 0 changed, 80 unchanged, 0 skipped\n"
    )
    out, err = run_command(str(FAULTY), "--skip-bad")
    assert out == "roster-with-errors.csv (csv, UTF-8): 0 new, 0 changed, 1 unchanged, 11 skipped\n"
    assert "row 12, joined_on: date: " in err


def test_the_command_has_a_word_for_a_file_that_is_not_there() -> None:
    assert run_command("/nowhere/roster.csv") == (
        "", "CommandError /nowhere/roster.csv: No such file or directory"
    )  # fmt: skip
