"""Stages, gate and document: who is let in when, whatever happens in between."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consortium.core import transitions
from consortium.core.errors import IllegalTransition
from governance.agent import rollout as agent
from governance.permissions import rollouts
from governance.permissions.rollouts import Answer, Decision, Limits, NodeFacts, Status, Why

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOAK, SILENCE = timedelta(minutes=10), timedelta(minutes=15)
LIMITS = Limits(soak=SOAK, silence=SILENCE)
STATES = [str(state) for state in Status]

nodes = st.lists(st.uuids().map(str), min_size=1, max_size=40, unique=True)
waves = st.lists(st.integers(1, 10_000), max_size=5)


def gate(*answers: Answer, after: timedelta = SOAK, limits: Limits = LIMITS, alone: bool = False):  # type: ignore[no-untyped-def]
    return rollouts.gate(answers, limits, since=T0, alone=alone, now=T0 + after)


# --- transitions ------------------------------------------------------------
@pytest.mark.parametrize(("current", "wanted"), transitions.illegal_pairs(rollouts.TRANSITIONS, STATES))
def test_what_the_table_does_not_name_is_refused(current: str, wanted: str) -> None:
    with pytest.raises(IllegalTransition):
        transitions.check(rollouts.TRANSITIONS, subject="settlement 12", current=current, wanted=wanted)


def test_every_state_has_its_line_in_the_table() -> None:
    assert set(rollouts.TRANSITIONS) == set(STATES)


# --- plan and document ------------------------------------------------------------
@given(nodes, waves, st.integers(0, 5), st.data())
def test_shares_rise_to_everybody_and_the_agents_agree(
    known: list[str], shares: list[int], count: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from([*known, str(uuid.uuid4())]), max_size=4))
    plan = rollouts.plan(known, canaries=chosen, canary_count=count, waves=shares, salt="ab12")
    assert list(plan.shares) == sorted(set(plan.shares))
    assert plan.shares[-1] == rollouts.EVERYBODY
    assert set(plan.canaries) <= set(known)
    assert set(chosen) & set(known) <= set(plan.canaries)
    assert len(plan.canaries) == max(len(set(chosen) & set(known)), min(count, len(known)))
    let_in: set[str] = set()
    for stage in range(len(plan.shares)):
        document = rollouts.document("settlement", 12, 11, plan, stage, halted=False)
        now = {node for node in known if rollouts.admits(document, node)}
        assert now == {node for node in known if agent.admits(document, node)}
        assert now == {node for node in known if rollouts.stage_of(plan, node) <= stage}
        assert let_in <= now
        let_in = now
    assert let_in == set(known)


@given(st.text("0123456789abcdef", max_size=32), st.uuids().map(str))
def test_console_and_agent_compute_the_same_place(salt: str, node: str) -> None:
    assert rollouts.position(salt, node) == agent.place(salt, node)


def test_a_share_lets_in_about_that_many() -> None:
    known = [str(uuid.UUID(int=number)) for number in range(10_000)]
    plan = rollouts.plan(known, canaries=[], canary_count=0, waves=[1000, 5000], salt="5a17")
    document = rollouts.document("settlement", 2, 1, plan, 0, halted=False)
    assert 900 < sum(rollouts.admits(document, node) for node in known) < 1100


# --- what a node made of it ------------------------------------------------------------
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (NodeFacts(12, False, T0), Answer.VERIFIED),
        (NodeFacts(12, True, T0), Answer.FAILED),  # applied once, and something else is in force now
        (NodeFacts(11, True, T0), Answer.FAILED),
        (NodeFacts(11, False, T0), Answer.AWAITED),
        (NodeFacts(11, False, T0 - SILENCE), Answer.SILENT),
        (NodeFacts(10, False, T0), Answer.UNREACHABLE),
        (NodeFacts(0, False, T0), Answer.UNREACHABLE),
        (NodeFacts(11, True, T0, excused=True), Answer.EXCUSED),
        (NodeFacts(12, False, T0, excused=True), Answer.VERIFIED),
    ],
)
def test_a_nodes_answer(facts: NodeFacts, expected: Answer) -> None:
    assert rollouts.answer(facts, epoch=12, former=11, silence=SILENCE, now=T0) == expected


# --- the gate ------------------------------------------------------------
def test_the_next_stage_begins_when_all_have_confirmed_and_the_time_is_over() -> None:
    early = gate(Answer.VERIFIED, Answer.VERIFIED, after=SOAK - timedelta(seconds=1))
    assert (early.decision, early.why) == (Decision.WAIT, Why.SOAKING)
    assert gate(Answer.VERIFIED, Answer.VERIFIED).decision == Decision.NEXT


def test_one_awaited_node_keeps_it_waiting_whatever_the_time() -> None:
    assert gate(Answer.VERIFIED, Answer.AWAITED, after=SOAK * 9).why == Why.AWAITED


@pytest.mark.parametrize("bad", [Answer.FAILED, Answer.SILENT])
def test_more_failures_than_allowed_halt_it_at_once(bad: Answer) -> None:
    verdict = gate(Answer.VERIFIED, bad, after=timedelta(0))
    assert (verdict.decision, verdict.why) == (Decision.HALT, Why.TOO_MANY_FAILED)
    assert gate(Answer.VERIFIED, bad, limits=Limits(SOAK, SILENCE, most=1)).decision == Decision.NEXT


def test_a_share_of_failures_grows_with_the_nodes() -> None:
    limits = Limits(SOAK, SILENCE, most_share=1000)
    assert gate(*[Answer.VERIFIED] * 9, Answer.FAILED, limits=limits).decision == Decision.NEXT
    assert gate(*[Answer.VERIFIED] * 8, Answer.FAILED, limits=limits).decision == Decision.HALT


def test_nobody_reachable_is_no_consent() -> None:
    assert gate(Answer.UNREACHABLE, after=SOAK).decision == Decision.WAIT
    late = gate(Answer.UNREACHABLE, after=SILENCE)
    assert (late.decision, late.why) == (Decision.HALT, Why.NOBODY)
    assert gate(Answer.UNREACHABLE, Answer.VERIFIED).decision == Decision.NEXT


def test_a_wave_that_lets_in_nobody_new_takes_no_time() -> None:
    assert gate(Answer.VERIFIED, after=timedelta(0), alone=True).decision == Decision.NEXT


def test_a_stage_that_is_not_published_waits() -> None:
    verdict = rollouts.gate([], LIMITS, since=None, alone=True, now=T0)
    assert (verdict.decision, verdict.why) == (Decision.WAIT, Why.NOT_PUBLISHED)


@given(st.lists(st.sampled_from(Answer), max_size=30), st.integers(0, 3000), st.integers(0, 5))
def test_the_gate_never_lets_pass_what_its_limits_forbid(found: list[Answer], after: int, most: int) -> None:
    verdict = gate(*found, after=timedelta(seconds=after), limits=Limits(SOAK, SILENCE, most=most))
    bad = found.count(Answer.FAILED) + found.count(Answer.SILENT)
    assert (verdict.decision == Decision.HALT) >= (bad > most)
    if verdict.decision == Decision.NEXT:
        assert bad <= most
        assert Answer.AWAITED not in found
        assert timedelta(seconds=after) >= SOAK


@pytest.mark.parametrize(
    ("shares", "good"),
    [([10_000], True), ([1000, 5000, 10_000], True), ([], False), ([5000], False), ([0, 10_000], False),
     ([5000, 5000, 10_000], False), ([5000, 1000, 10_000], False)],
)  # fmt: skip
def test_a_policys_shares_rise_to_everybody(shares: list[int], good: bool) -> None:
    assert rollouts.is_policy(shares) is good


def test_without_the_consoles_secret_nobody_can_compute_who_goes_first() -> None:
    nodes = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(100)]
    mine = nodes[42]

    def first(secret: str, content: str) -> tuple[str, ...]:
        salt = rollouts.salt(secret, "settlement", 7, content)
        return rollouts.plan(nodes, canaries=[], canary_count=1, waves=[1000], salt=salt).canaries

    assert first("console", "ab") == first("console", "ab"), "each attempt to publish lets in the same"
    wished = [str(port) for port in range(1000) if first("guessed", str(port)) == (mine,)]
    assert wished
    assert not any(first("console", content) == (mine,) for content in wished)


# --- all of it, in any order ------------------------------------------------------------
class Rolling(RuleBasedStateMachine):
    """Epochs go out while nodes answer or not, people halt and resume, time passes, newer epochs come."""

    @initialize(known=nodes, shares=waves, count=st.integers(0, 3), most=st.integers(0, 2))
    def begin(self, known: list[str], shares: list[int], count: int, most: int) -> None:
        self.known, self.shares, self.count = known, shares, count
        self.limits = Limits(SOAK, SILENCE, most=most)
        self.now, self.epoch, self.former = T0, 1, 1
        self.applied = dict.fromkeys(known, 1)
        self.refused: dict[str, int] = {}
        self.status, self.stage, self.salt = Status.COMPLETE, 0, ""
        self.newer_epoch()

    @rule()
    def newer_epoch(self) -> None:
        """It takes the place of what is under way; those who went first go first again."""
        if self.status == Status.COMPLETE:
            self.former = self.epoch
        else:
            transitions.check(rollouts.TRANSITIONS, subject="", current=self.status, wanted=Status.SUPERSEDED)
        self.salt = self.salt if self.status != Status.COMPLETE else rollouts.salt("s", "n", self.epoch, "ab")
        self.epoch += 1
        self.plan = rollouts.plan(
            self.known, canaries=[], canary_count=self.count, waves=self.shares, salt=self.salt
        )
        self.status, self.stage, self.since, self.excused = Status.ROLLING, 0, self.now, set[str]()
        self.let_in_at: dict[str, datetime] = {}
        self._let_in()

    def _document(self) -> rollouts.Document:
        halted = self.status == Status.HALTED
        return rollouts.document("n", self.epoch, self.former, self.plan, self.stage, halted=halted)

    def _let_in(self) -> None:
        for node in self.known:
            if rollouts.admits(self._document(), node):
                self.let_in_at.setdefault(node, self.now)

    @rule(data=st.data())
    def a_node_pulls(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(self.known))
        offered = self.epoch if agent.admits(self._document(), node) else self.former
        assert offered == self.former or node in self.let_in_at
        self.applied[node] = max(self.applied[node], offered)

    @rule(data=st.data())
    def a_node_refuses(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(self.known))
        if node in self.let_in_at:
            self.refused[node] = self.epoch

    @rule(seconds=st.sampled_from([1, 300, 600, 900, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def _answers(self) -> dict[str, Answer]:
        return {
            node: rollouts.answer(
                NodeFacts(self.applied[node], self.refused.get(node) == self.epoch, at, node in self.excused),
                epoch=self.epoch,
                former=self.former,
                silence=SILENCE,
                now=self.now,
            )
            for node, at in self.let_in_at.items()
        }

    @precondition(lambda self: self.status == Status.ROLLING)
    @rule()
    def the_gate_looks(self) -> None:
        before = rollouts.EVERYBODY if self.stage == self.plan.last else self.plan.shares[self.stage]
        verdict = rollouts.gate(
            self._answers().values(), self.limits, since=self.since, alone=False, now=self.now
        )
        status, stage = rollouts.step(self.plan, self.stage, verdict)
        if status != self.status:
            transitions.check(rollouts.TRANSITIONS, subject="", current=self.status, wanted=status)
        if stage != self.stage:
            assert self.plan.shares[stage] > before, "shares only rise"
            self.since = self.now
        self.status, self.stage = status, stage
        self._let_in()

    @precondition(lambda self: self.status == Status.ROLLING)
    @rule()
    def somebody_halts(self) -> None:
        self.status = Status.HALTED

    @precondition(lambda self: self.status == Status.HALTED)
    @rule()
    def somebody_resumes(self) -> None:
        fine = {Answer.VERIFIED, Answer.AWAITED}
        self.excused |= {node for node, answer in self._answers().items() if answer not in fine}
        self.status, self.since = Status.ROLLING, self.now

    @invariant()
    def nobody_has_it_who_was_not_let_in(self) -> None:
        have = {node for node, epoch in self.applied.items() if epoch == self.epoch}
        allowed = {node for node in self.known if rollouts.stage_of(self.plan, node) <= self.stage}
        assert have <= set(self.let_in_at) <= allowed

    @invariant()
    def complete_means_for_everybody(self) -> None:
        if self.status == Status.COMPLETE:
            assert set(self.let_in_at) == set(self.known)

    def teardown(self) -> None:
        """Left to themselves, nodes that answer bring every rollout to its end."""
        if not hasattr(self, "plan"):
            return
        if self.status == Status.HALTED:
            self.somebody_resumes()
        for _ in range(2 * len(self.plan.shares) + 2):
            if self.status != Status.ROLLING:
                break
            for node in self.let_in_at:
                self.applied[node] = self.epoch
                self.refused.pop(node, None)
            self.now += SOAK
            self.the_gate_looks()
        assert self.status == Status.COMPLETE


TestRolling = Rolling.TestCase
TestRolling.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
