"""In which order a node leaves: each fact, and what its turn is then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import removal
from governance.permissions.removal import Facts, Name, State, Wait

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LISTED_SEALER = Facts(
    is_compromised=False, registry_role=2, own_role=None, role_ended_at=None, is_listed=True, is_held=False,
    unlisted_at=None, missing=(), applied_at=None, has_certificate=True, revoked_at=None,
)  # fmt: skip
LOST = replace(LISTED_SEALER, is_compromised=True)
GONE = {"registry_role": 0, "role_ended_at": NOW}
UNLISTED = {"is_listed": False, "unlisted_at": NOW}
REVOKED = {"has_certificate": False, "revoked_at": NOW}


@pytest.mark.parametrize(
    ("start", "changes", "name", "waits_for"),
    [
        (LISTED_SEALER, {}, Name.CONSENSUS, Wait.MEMBERS_VOTE),
        (LISTED_SEALER, {"own_role": 2}, Name.CONSENSUS, Wait.MEMBERS_VOTE),
        (LISTED_SEALER, {**GONE, "own_role": 2}, Name.CONSENSUS, Wait.OWN_LEDGER),
        (LISTED_SEALER, {"registry_role": 1, "own_role": 2}, Name.CONSENSUS, Wait.OWN_LEDGER),
        (LISTED_SEALER, {"registry_role": 1}, Name.LISTS, Wait.REMOVAL_VOTE),
        (LISTED_SEALER, {**GONE, "own_role": 1}, Name.LISTS, Wait.SIGNING),
        (LISTED_SEALER, GONE, Name.LISTS, Wait.SIGNING),
        (LISTED_SEALER, {**GONE, "is_held": True}, Name.LISTS, Wait.TWO_PEOPLE),
        (LISTED_SEALER, {**GONE, **UNLISTED, "missing": ("nanpu-bank/n1",)}, Name.APPLIED, Wait.NODES),
        (LISTED_SEALER, {**GONE, **UNLISTED}, Name.REVOCATION, Wait.CONSOLE),
        (LISTED_SEALER, {**GONE, **UNLISTED, "can_act": False}, Name.REVOCATION, Wait.PERSON),
        (LISTED_SEALER, REVOKED, Name.CONSENSUS, Wait.MEMBERS_VOTE),
        (LOST, {}, Name.REVOCATION, Wait.CONSOLE),
        (LOST, REVOKED, Name.LISTS, Wait.SIGNING),
        (LOST, {**REVOKED, "is_held": True}, Name.LISTS, Wait.TWO_PEOPLE),
        (LOST, {**REVOKED, **UNLISTED, "missing": ("nanpu-bank/n1",)}, Name.APPLIED, Wait.NODES),
        (LOST, {**REVOKED, **UNLISTED}, Name.CONSENSUS, Wait.MEMBERS_VOTE),
        (LOST, {**REVOKED, **UNLISTED, "registry_role": 1}, Name.CONSENSUS, Wait.MEMBERS_VOTE),
        (LOST, {**REVOKED, **UNLISTED, **GONE, "own_role": 2}, Name.CONSENSUS, Wait.OWN_LEDGER),
    ],
)
def test_what_a_removal_waits_for(
    start: Facts, changes: dict[str, object], name: Name, waits_for: Wait
) -> None:
    step = removal.due(removal.steps(replace(start, **changes)))  # type: ignore[arg-type]
    assert step is not None
    assert (step.name, step.waits_for) == (name, waits_for)


@pytest.mark.parametrize("start", [LISTED_SEALER, LOST], ids=["planned", "compromised"])
def test_what_has_left_revoked_and_unlisted_everywhere_is_done(start: Facts) -> None:
    found = removal.steps(replace(start, **GONE, **UNLISTED, **REVOKED))  # type: ignore[arg-type]
    assert removal.is_complete(found)
    assert removal.due(found) is None


def test_a_certificate_that_was_revoked_too_early_is_told_as_such() -> None:
    found = {step.name: step for step in removal.steps(replace(LISTED_SEALER, **REVOKED))}  # type: ignore[arg-type]
    assert (found[Name.REVOCATION].state, found[Name.REVOCATION].is_early) == (State.DONE, True)
    assert found[Name.LISTS].state is State.LATER


FACTS = st.builds(
    Facts,
    is_compromised=st.booleans(),
    registry_role=st.sampled_from([0, 1, 2]),
    own_role=st.sampled_from([None, 0, 1, 2]),
    role_ended_at=st.sampled_from([None, NOW]),
    is_listed=st.booleans(),
    is_held=st.booleans(),
    unlisted_at=st.sampled_from([None, NOW]),
    missing=st.sampled_from([(), ("nanpu-bank/n1",)]),
    applied_at=st.sampled_from([None, NOW]),
    has_certificate=st.booleans(),
    revoked_at=st.sampled_from([None, NOW]),
    can_act=st.booleans(),
)


@given(FACTS)
def test_a_planned_removal_never_revokes_what_seals_is_listed_or_is_not_gone_everywhere(facts: Facts) -> None:
    step = removal.due(removal.steps(facts))
    if step is not None and step.name is Name.REVOCATION and not facts.is_compromised:
        assert not facts.seals
        assert not facts.is_listed
        assert not facts.missing
        assert removal.blocks_revocation(facts) is None


@given(FACTS)
def test_a_lost_key_waits_for_nothing(facts: Facts) -> None:
    facts = replace(facts, is_compromised=True)
    assert removal.blocks_revocation(facts) is None
    step = removal.due(removal.steps(facts))
    assert not facts.has_certificate or (step is not None and step.name is Name.REVOCATION)


@given(FACTS)
def test_one_step_is_due_until_all_are_done_and_those_behind_it_come_later_or_came_early(
    facts: Facts,
) -> None:
    found = removal.steps(facts)
    assert [step.name for step in found] == list(
        removal.COMPROMISED if facts.is_compromised else removal.PLANNED
    )
    due = [number for number, step in enumerate(found) if step.state is State.DUE]
    assert len(due) == (0 if removal.is_complete(found) else 1)
    for number, step in enumerate(found):
        behind = bool(due) and number > due[0]
        assert step.is_early == (behind and step.state is State.DONE)
        assert behind or step.state is not State.LATER


@given(FACTS)
def test_every_wait_says_for_what(facts: Facts) -> None:
    for step in removal.steps(facts):
        assert (step.waits_for is not Wait.NOTHING) == (step.state is State.DUE)
