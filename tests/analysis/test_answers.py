"""Whether each of the analyser's findings is answered, and each answer still about something."""

from __future__ import annotations

from governance.contracts import compile
from tests.analysis.__main__ import ANSWERS
from tests.analysis.answers import ROW, Finding, compare

DOCUMENT = """
| detector | place | answer |
| --- | --- | --- |
| `timestamp` | `Seats.constructor` | It compares orders of magnitude. |
"""


def finding(detector: str, where: str) -> Finding:
    return {"detector": detector, "impact": "Low", "where": where, "text": f"{where} uses {detector}"}


TIMESTAMP = finding("timestamp", "Seats.constructor")


def test_an_answered_finding_is_in_order() -> None:
    assert compare([TIMESTAMP, TIMESTAMP], DOCUMENT) == ([], [])


def test_another_place_needs_an_answer_of_its_own() -> None:
    another = finding("timestamp", "Seats.grant")

    assert compare([TIMESTAMP, another], DOCUMENT) == ([another], [])


def test_so_does_another_detector() -> None:
    another = finding("assembly", "Seats.constructor")

    assert compare([TIMESTAMP, another], DOCUMENT) == ([another], [])


def test_an_answer_does_not_outlive_its_finding() -> None:
    assert compare([], DOCUMENT) == ([], [("timestamp", "Seats.constructor")])


def test_an_empty_answer_is_none() -> None:
    assert compare([TIMESTAMP], "| `timestamp` | `Seats.constructor` |  |") == ([TIMESTAMP], [])


def test_the_committed_answers_are_about_contracts_that_exist() -> None:
    rows = [row for line in ANSWERS.read_text("utf-8").splitlines() if (row := ROW.match(line))]
    contracts = {path.stem for path in compile.SOURCES.glob("*.sol")}

    assert rows
    assert {row["where"].split(".")[0] for row in rows} <= contracts
