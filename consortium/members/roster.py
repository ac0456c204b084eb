"""The roster: a list of institutions from a spreadsheet, looked at first and imported as a whole.

``read`` the file, ``check`` its rows against the rules, each other and the record, show the preview, then
``import_rows``. A row is an institution by its USCC; importing the same file twice changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from consortium.core import events
from consortium.core.errors import ConsoleError
from consortium.members import rules
from consortium.members.errors import RosterHasErrors, sentence
from consortium.members.models import Category, Institution
from consortium.members.permissions import require_secretariat
from consortium.members.roster_file import RawRow, RosterFile, parse
from consortium.members.services.common import Register, hold, locked
from consortium.members.services.institutions import Particulars, change, enter, today
from consortium.members.states import Status

REQUIRED = (
    "short_name", "legal_name_zh", "legal_name_en", "category", "uscc", "contact_name", "contact_email",
)  # fmt: skip
OPTIONAL = ("lei", "joined_on", "contact_phone", "founding_member")
UNIQUE = ("short_name", "uscc", "lei")
# In certificates and on the ledger: a spreadsheet does not change these of an institution that is entered.
FIXED = ("short_name", "category", "founding_member")

Action = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a cell. ``code`` is stable; ``column`` is empty where it is the row as a whole."""

    row: int
    column: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The words, in the reader's language."""
        return sentence(self.code, self.params)


@dataclass(frozen=True)
class PreviewRow:
    """A row as it would be imported; ``action`` means nothing while there are ``problems``.

    ``values`` has what the file says, ``changes`` the columns that differ from the record: (then, now).
    """

    number: int
    values: dict[str, Any]
    problems: list[Problem]
    action: Action
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview:
    """All rows of a roster, good and bad, against the record as it was when it was checked."""

    file: RosterFile
    rows: list[PreviewRow]

    @property
    def problems(self) -> list[Problem]:
        return [problem for row in self.rows for problem in row.problems]

    @property
    def good(self) -> list[PreviewRow]:
        return [row for row in self.rows if not row.problems]

    @property
    def bad(self) -> list[PreviewRow]:
        return [row for row in self.rows if row.problems]

    def count(self, action: Action) -> int:
        """How many good rows are new, changed or unchanged."""
        return sum(row.action == action for row in self.good)


@dataclass(frozen=True)
class Report:
    """What an import did, in rows."""

    new: int
    changed: int
    unchanged: int
    skipped: int


def read(data: bytes, filename: str) -> RosterFile:
    """The rows of a CSV or XLSX file. Raises what ``roster_file.parse`` raises."""
    return parse(data, filename, required=REQUIRED, optional=OPTIONAL)


def load(data: bytes, filename: str, *, actor: events.Actor) -> Preview:
    """Read and check, for a page or a command; a file that can't be read leaves ``roster.refused``."""
    require_secretariat(actor)
    try:
        file = read(data, filename)
    except ConsoleError as refusal:
        _record_refusal(str(refusal.params.get("filename", "roster")), refusal, actor)
        raise
    return check(file)


def check(file: RosterFile) -> Preview:
    """Every row against the rules, the other rows and the record. Writes nothing."""
    categories = {category.code: category for category in Category.objects.all()}
    parsed = [_parse_row(raw, categories) for raw in file.rows]
    _find_repeated(parsed)
    record = _Record.of(parsed)
    return Preview(file, [_compare(row, record) for row in parsed])


@dataclass
class _Parsed:
    number: int
    values: dict[str, Any]
    problems: list[Problem]

    def refuse(self, column: str, code: str, **params: Any) -> None:
        self.problems.append(Problem(self.number, column, code, params))


def _parse_row(raw: RawRow, categories: Mapping[str, Category]) -> _Parsed:
    row = _Parsed(raw.number, {}, [])
    broken = {column for column, _ in raw.problems}
    for column, code in raw.problems:
        row.refuse(column, code)
    for column, text in raw.values.items():
        if column in broken or (column in OPTIONAL and not text):
            continue  # an empty cell says nothing: of an institution that is entered it changes nothing
        try:
            row.values[column] = _parse_cell(column, text, categories)
        except rules.Refused as refused:
            row.refuse(column, refused.code, **refused.params)
    return row


def _parse_cell(column: str, text: str, categories: Mapping[str, Category]) -> Any:
    if column == "category":
        return _category(text, categories)
    return _CELLS[column](text)


def _category(text: str, categories: Mapping[str, Category]) -> Category:
    code = rules.name(text, 40)
    if code not in categories:
        raise rules.Refused("unknown_category", value=code, known=", ".join(categories))
    return categories[code]


_CELLS: dict[str, Callable[[str], Any]] = {
    "short_name": rules.slug,
    "legal_name_zh": rules.name,
    "legal_name_en": rules.name,
    "uscc": rules.uscc,
    "lei": rules.lei,
    "joined_on": lambda text: rules.day(text, today()),
    "contact_name": lambda text: rules.name(text, 120),
    "contact_email": rules.email,
    "contact_phone": rules.phone,
    "founding_member": rules.yes_or_no,
}


def _find_repeated(rows: list[_Parsed]) -> None:
    """What must be unique and stands in several rows is wrong in each: which is meant, only they know."""
    for column in UNIQUE:
        places: defaultdict[str, list[_Parsed]] = defaultdict(list)
        for row in rows:
            if row.values.get(column):
                places[row.values[column]].append(row)
        for same in places.values():
            numbers = ", ".join(str(row.number) for row in same)
            for row in same if len(same) > 1 else ():
                row.refuse(column, "repeated", rows=numbers)


@dataclass(frozen=True)
class _Record:
    """The institutions that a file's rows touch, found with three queries however many rows there are."""

    by: dict[str, dict[str, Institution]]  # column -> value -> institution

    @classmethod
    def of(cls, rows: Iterable[_Parsed]) -> _Record:
        rows = list(rows)
        return cls({column: dict(cls._find(column, rows)) for column in UNIQUE})

    @staticmethod
    def _find(column: str, rows: list[_Parsed]) -> Iterator[tuple[str, Institution]]:
        wanted = {row.values[column] for row in rows if row.values.get(column)}
        found = Institution.objects.select_related("category").filter(**{f"{column}__in": wanted})
        return ((getattr(institution, column), institution) for institution in found)


def _compare(row: _Parsed, record: _Record) -> PreviewRow:
    """Against the record: is it new, who else has its name or LEI, what would change."""
    existing = record.by["uscc"].get(row.values.get("uscc", ""))
    changes = _changes(row, existing) if existing else {}
    for column in ("short_name", "lei") if "uscc" in row.values else ():
        holder = record.by[column].get(row.values.get(column) or "")
        wanted = existing is None or column in changes  # else it is the row's own, or refused already
        if wanted and holder not in (None, existing):
            row.refuse(column, "taken")
    action: Action = "new" if existing is None else "changed" if changes else "unchanged"
    return PreviewRow(row.number, row.values, row.problems, action, changes)


def _changes(row: _Parsed, existing: Institution) -> dict[str, tuple[Any, Any]]:
    changes = {
        column: (getattr(existing, column), value)
        for column, value in row.values.items()
        if getattr(existing, column) != value
    }
    for column, (recorded, _) in list(changes.items()):
        if column in FIXED or (column == "lei" and recorded):
            row.refuse(column, "differs", recorded=str(recorded))
            del changes[column]
    return changes


def import_rows(preview: Preview, *, actor: events.Actor, skip_bad: bool, founding: bool = False) -> Report:
    """Import what the preview showed, in one transaction, checked again against the record as it is now.

    ``founding``: the founding act itself, so new institutions are ADMITTED at once; afterwards they only
    apply. Whether the founding is still open is the caller's to know. Raises RosterHasErrors, with the new
    preview as its ``preview``, when a row is bad and bad ones are not to be skipped.
    """
    require_secretariat(actor)
    try:
        with transaction.atomic():
            hold(Register.INSTITUTIONS)
            now = check(preview.file)
            if now.bad and not skip_bad:
                raise _has_errors(now)
            return _import(now, actor, Status.ADMITTED if founding else Status.APPLIED)
    except RosterHasErrors as refusal:
        _record_refusal(preview.file.filename, refusal, actor)
        raise


def _has_errors(preview: Preview) -> RosterHasErrors:
    error = RosterHasErrors(count=len(preview.bad))
    error.preview = preview
    return error


def _import(preview: Preview, actor: events.Actor, status: Status) -> Report:
    done: Counter[str] = Counter()
    for row in preview.good:
        done[row.action] += 1
        source: dict[str, Any] = {
            "file": preview.file.filename,
            "sha256": preview.file.sha256,
            "row": row.number,
        }
        if row.action == "new":
            particulars = Particulars(**row.values)
            enter(particulars, status=status, action="institution.imported", actor=actor, **source)
        elif row.action == "changed":
            institution = locked(Institution.objects.get(uscc=row.values["uscc"]))
            change(
                institution, {column: now for column, (_, now) in row.changes.items()}, actor=actor, **source
            )
    return Report(done["new"], done["changed"], done["unchanged"], skipped=len(preview.bad))


def _record_refusal(filename: str, refusal: ConsoleError, actor: events.Actor) -> None:
    subject = events.Outsider("roster", filename)
    with transaction.atomic():
        events.record("roster.refused", subject, actor=actor, code=refusal.code)
