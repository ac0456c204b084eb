"""A console that keeps lists from a node: the node's own ledger tells, and the wait for them is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.agent import ledger
from governance.agent.anchors import Anchor
from governance.agent.config import Config, Ledger
from governance.agent.ledger import PATIENCE, Seen

CONTRACT = "0x" + "12" * 20
FIVE = Anchor(5, "a" * 64, 5, "a" * 64)
NOON = 1_800_000_000.0


def test_who_has_all_that_is_anchored_misses_nothing() -> None:
    seen = ledger.after(Seen(), 5, FIVE, NOON)
    assert (seen.size, seen.head, seen.at) == (5, "a" * 64, NOON)
    assert (seen.missed, ledger.is_withheld(seen, NOON + 86_400)) == (0, False)


def test_a_list_that_is_anchored_and_does_not_come_is_an_alarm_after_ten_minutes() -> None:
    seen = ledger.after(Seen(), 4, FIVE, NOON)
    assert (seen.missed, seen.since) == (5, NOON)
    assert not ledger.is_withheld(seen, NOON + PATIENCE)
    assert ledger.is_withheld(seen, NOON + PATIENCE + 1)


def test_one_more_that_is_missed_does_not_begin_the_wait_anew() -> None:
    seen = ledger.after(Seen(), 4, FIVE, NOON)
    seen = ledger.after(seen, 4, replace(FIVE, size=6), NOON + PATIENCE)
    assert (seen.missed, seen.since) == (5, NOON)


def test_one_that_came_while_the_next_is_on_its_way_does() -> None:
    seen = ledger.after(Seen(), 4, FIVE, NOON)
    seen = ledger.after(seen, 5, replace(FIVE, size=6), NOON + PATIENCE)
    assert (seen.missed, seen.since) == (6, NOON + PATIENCE)


def test_a_ledger_that_does_not_answer_ends_no_wait_and_begins_none() -> None:
    waiting = ledger.after(Seen(), 4, FIVE, NOON)
    assert ledger.after(waiting, 4, None, NOON + 60) == waiting
    assert ledger.after(waiting, 5, None, NOON + 60).missed == 0, "it came all the same"
    assert ledger.after(Seen(), 4, None, NOON) == Seen()


def test_a_clock_that_was_set_back_does_not_put_the_alarm_off_for_years() -> None:
    seen = ledger.after(Seen(), 4, FIVE, NOON + 10 * 365 * 86_400)
    seen = ledger.after(seen, 4, FIVE, NOON)
    assert seen.since == NOON


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_nothing_is_missed_but_what_the_ledger_had_and_the_console_did_not_serve(
    rounds: list[tuple[int, int]],
) -> None:
    seen, highest = Seen(), 0
    for number, (served, anchored) in enumerate(rounds):
        highest = max(highest, anchored)
        seen = ledger.after(seen, served, Anchor(anchored, "a" * 64), NOON + number)
        assert seen.missed == 0 or served < seen.missed <= highest
        assert bool(seen.missed) >= (anchored > served), "a longer log is never overlooked"
        assert not seen.missed or seen.since <= NOON + number


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        gateway="https://gateway.example",
        ca_file=tmp_path,
        certificate_file=tmp_path,
        key_file=tmp_path,
        trusted_root=tmp_path,
        network="settlement",
        state_dir=tmp_path,
        files=(),
        ledger=Ledger("http://127.0.0.1:9", CONTRACT),
    )


@pytest.mark.parametrize("kept", ["", "{", "[" * 5000, "{}", '{"another": 1}', '{"contract": "0xab"}'])
def test_a_memory_that_is_none_or_of_another_contract_is_begun_anew(config: Config, kept: str) -> None:
    (config.state_dir / "ledger.json").write_text(kept)
    assert ledger.load(config) == Seen(CONTRACT, "settlement")
