"""What may follow what, when a renewal opens, which reminder is due: the rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import life, words
from certs.models import RevocationReason
from consortium.core import transitions

END = datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC)
YEAR, DAY, SECOND = timedelta(days=365), timedelta(days=1), timedelta(seconds=1)
WINDOW = timedelta(days=30)


def test_the_table_knows_every_state_and_revoked_is_final() -> None:
    assert set(life.TRANSITIONS) == set(life.STATES) == set(words.STATES)
    assert life.TRANSITIONS[life.REVOKED] == frozenset()
    illegal = set(transitions.illegal_pairs(life.TRANSITIONS, list(life.STATES)))
    assert {(life.EXPIRED, life.SUSPENDED), (life.SUSPENDED, life.SUSPENDED)} < illegal
    assert all((state, state) in illegal for state in life.STATES)


def test_every_reason_is_explained_and_may_only_become_graver() -> None:
    values = set(RevocationReason.values)
    assert set(life.REASON_CHANGES) == values == {each.code for each in words.for_secretariat()}
    assert all(after <= {"keyCompromise"} for after in life.REASON_CHANGES.values())
    assert words.for_secretariat()[0].code == "keyCompromise"
    for each in words.for_secretariat():
        assert str(each.when)
        assert str(each.then)
        assert each.when != each.then


def test_members_are_offered_all_but_the_alliances_own_reason() -> None:
    offered = {each.code for each in words.for_members()}
    assert offered == set(RevocationReason.values) - {"privilegeWithdrawn"}
    # RFC 5280 section 5.3.1 has these as well; none is for a node's, person's or program's
    assert not set(words.NOT_OFFERED) & set(RevocationReason.values)
    assert set(words.NOT_OFFERED) == {"certificateHold", "removeFromCRL", "cACompromise", "aACompromise"}


@pytest.mark.parametrize(
    ("now", "revoked", "held", "state"),
    [
        (END, False, False, life.VALID),
        (END + SECOND, False, False, life.EXPIRED),
        (END, False, True, life.SUSPENDED),
        (END + SECOND, False, True, life.EXPIRED),
        (END, True, True, life.REVOKED),
        (END + SECOND, True, False, life.REVOKED),
    ],
)
def test_the_state_follows_from_facts(now: datetime, revoked: bool, held: bool, state: str) -> None:
    assert life.state(now, END, revoked=revoked, held=held) == state


@pytest.mark.parametrize(
    ("now", "facts", "state"),
    [
        (END - WINDOW - SECOND, {}, life.NOT_YET),
        (END - WINDOW, {}, life.OPEN),
        (END, {}, life.OPEN),
        (END + SECOND, {}, life.ENDED),
        (END - DAY, {"renewed": True}, life.RENEWED),
        (END + SECOND, {"renewed": True}, life.RENEWED),
        (END - DAY, {"blocked": "revoked"}, life.NOT_RENEWABLE),
        (END - DAY, {"blocked": "node_retired", "renewed": True}, life.NOT_RENEWABLE),
    ],
)
def test_when_a_renewal_is_open(now: datetime, facts: dict[str, object], state: str) -> None:
    given_facts = life.RenewalFacts(END, WINDOW, **{"renewed": False, **facts})  # type: ignore[arg-type]
    assert life.renewal(given_facts, now) == state


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (timedelta(days=60) + SECOND, None),
        (timedelta(days=60), 60),
        (timedelta(days=30) + SECOND, 60),
        (timedelta(days=30), 30),
        (timedelta(days=8), 14),
        (timedelta(days=7), 7),
        (timedelta(days=1), 1),
        (timedelta(0), 1),
        (-SECOND, None),
    ],
)
def test_which_step_is_due(left: timedelta, step: int | None) -> None:
    assert life.due_step(END - left, END - YEAR + SECOND, END) == step


def test_a_short_life_is_not_announced_from_its_first_day_on() -> None:
    week = END - timedelta(days=7) + SECOND
    assert life.due_step(week, week, END) is None
    assert life.due_step(END - timedelta(days=3), week, END) is None
    assert life.due_step(END - DAY, week, END) == 1
    assert life.due_step(END - DAY, END - DAY + SECOND, END) is None


def test_an_authority_is_announced_years_before() -> None:
    begin = END - 10 * YEAR
    assert life.due_step(END - timedelta(days=700), begin, END, life.AUTHORITY_STEPS) == 730
    assert life.due_step(END - timedelta(days=200), begin, END, life.AUTHORITY_STEPS) == 365


@given(days=st.integers(0, 400), outages=st.sets(st.integers(0, 70)))
def test_however_long_the_outage_each_step_is_said_once_and_the_last_ones_always(
    days: int, outages: set[int]
) -> None:
    """Asked once a day but for the days of the outage: what was said gets nearer, and nothing twice."""
    said: list[int] = []
    for left in range(days, -1, -1):
        if left in outages:
            continue
        step = life.due_step(END - timedelta(days=left), END - YEAR + SECOND, END)
        if step is not None and all(step < earlier for earlier in said):
            said.append(step)
    assert said == sorted(set(said), reverse=True)
    last_asked = min((left for left in range(days + 1) if left not in outages), default=None)
    if last_asked is not None and last_asked <= 60:
        assert said
        assert said[-1] == min(step for step in life.STEPS if last_asked <= step)
