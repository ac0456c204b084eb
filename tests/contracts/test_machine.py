"""Whatever happens in whatever order: contracts and model agree after every step.

`MACHINE_RUNS` runs of `MACHINE_STEPS` steps, 200 of 50 unless told otherwise.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from itertools import cycle, islice
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from web3 import Web3

from governance.proposals import rules as console
from tests.contracts import model
from tests.contracts.alliance import (
    ABSTAIN,
    ACTIVE,
    AGAINST,
    CONSTITUTIONAL,
    DEFEATED,
    EXTENSION,
    FOR,
    GUARDIANS,
    MEMBERSHIP,
    OBSERVER,
    OPEN,
    PENDING,
    PERIOD,
    QUEUED,
    ROUTINE,
    RULES,
    SEALER,
    SECRETARIAT,
    SUCCEEDED,
    SUSPENDED,
    Alliance,
    Bank,
    Outlook,
    encoded,
    padded,
    person,
)
from tests.contracts.guardians import REASON
from tests.contracts.wire import Call, Wire, packed, selector

RUNS = int(os.environ.get("MACHINE_RUNS", "200"))
# A counterexample made short takes minutes more.
SHRINK = bool(os.environ.get("MACHINE_SHRINK"))
STEPS = int(os.environ.get("MACHINE_STEPS", "50"))

NETWORK = padded("settlement-main")
# Category 5 is empty; the first has nearly half of the seats.
BANKS = tuple(
    Bank(f"Machine bank {number}", f"91440300X{number:09d}", category)
    for number, category in enumerate((1, 1, 1, 1, 2, 2, 3, 4, 6))
)
GUARDIAN_ADDRESSES = tuple(str(guardian.address) for guardian in GUARDIANS)
# The default, but that the rules themselves change more easily, and so more often.
START = (RULES[ROUTINE], RULES[MEMBERSHIP], (1, 3, 1, 2, 1))
VOTERS = tuple(bank.voter for bank in BANKS)
MOST_AT_ONCE, MOST_PROPOSALS = 3, 7
FEWEST = 7  # with many more suspended nothing passes any more
ENOUGH = 100  # runs in which everything is bound to happen

bank_numbers = st.integers(0, len(BANKS) - 1)
bank_sets = st.one_of(st.permutations(range(len(BANKS))), st.lists(bank_numbers, min_size=1, max_size=4))
nodes = st.integers(0, 1)
guardian_lists = st.sampled_from([[0], [1], [2], [0, 1], [1, 2], [0, 0, 2]])
new_rules = st.sampled_from([*RULES, (1, 1, 1, 1, 6), (1, 9, 1, 9, 0), (1, 2, 1, 1, 1), (3, 4, 2, 5, 5)])
actions = st.one_of(
    st.tuples(st.just("set_role"), st.integers(2, 3), st.sampled_from([OBSERVER, SEALER])),
    st.tuples(st.sampled_from(["suspend", "reinstate"]), bank_numbers),
    st.tuples(st.just("set_rule"), st.integers(0, 2), new_rules),
    st.tuples(st.just("set_rule"), st.just(ROUTINE), new_rules),
)
# One way or another, or a mixture.
supports = st.one_of(
    st.sampled_from([[FOR], [FOR], [FOR, FOR, FOR, AGAINST], [AGAINST], [ABSTAIN, FOR]]),
    st.lists(st.integers(0, 2), min_size=1, max_size=6),
)
# Just before, at or just after something that is due, or no wait at all.
somewhen = st.tuples(st.sampled_from([0, 0, 1, 1, 2, 4, 8]), st.integers(-1, 1))
waits = st.one_of(st.none(), st.none(), somewhen)
# Before the n-th bank of those that vote, so long before the deadline.
pauses = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 2, EXTENSION, EXTENSION + 1, 2 * EXTENSION])),
)
mostly = st.sampled_from([True, True, True, True, False])

VIEWS = ("state", "proposalDeadline", "proposalEta", "ruleOf", "tally", "outlook")
MOVES = {
    move: selector(f"{move}(address[],uint256[],bytes[],bytes32)") for move in ("queue", "execute", "cancel")
}
CONTENT = ("address[]", "uint256[]", "bytes[]", "bytes32")
Content = tuple[list[str], list[int], list[bytes]]

steps: Counter[str] = Counter()


@cache
def node_id(number: int) -> bytes:
    return person(f"Machine node {number}")._key_obj.public_key.to_bytes()


class Machine(RuleBasedStateMachine):
    """One alliance: on the ledger, and in the model."""

    alliance: Alliance
    wire: Wire
    bindings: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        steps["runs"] += 1
        self.snapshot = self.wire.ask("evm_snapshot")
        block = self.wire.ask("eth_getBlockByNumber", "latest", False)
        categories = tuple(bank.category for bank in BANKS)
        self.model = model.Alliance(categories, int(block["timestamp"], 16), list(START))
        self.ledger_now = self.model.now
        self.taken = 0
        self.over: set[int] = set()
        self.ids: list[int] = []
        self.moves: list[dict[str, Call]] = []
        self.views: list[list[Call]] = []

    def teardown(self) -> None:
        assert self.wire.ask("evm_revert", self.snapshot)

    # --- Steps. Few, and each of use in every state: a run leaves some of them out. ---

    @rule(wait=somewhen)
    def time_passes(self, wait: tuple[int, int]) -> None:
        self.go_to(wait)

    @precondition(lambda self: len(self.ids) < MOST_PROPOSALS and self.under_way < MOST_AT_ONCE)
    @rule(action=actions)
    def the_secretariat_proposes(self, action: tuple[Any, ...]) -> None:
        name, *arguments = action
        if name == "set_rule":
            kind, call = CONSTITUTIONAL, plain(self.alliance.governor.functions.setRule(*arguments))
        elif name == "set_role":
            node, role = arguments
            kind, call = ROUTINE, self.admission(node, role)
        else:
            kind, call = MEMBERSHIP, self.about_a_seat(name, *arguments)
        self.propose(call, kind, *action)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), banks=bank_sets, supports=supports, pause=pauses, patient=mostly)
    def banks_vote(
        self,
        data: st.DataObject,
        banks: list[int],
        supports: list[int],
        pause: tuple[int, int] | None,
        patient: bool,
    ) -> None:
        number = self.one_in(data, OPEN, PENDING)
        proposal = self.model.proposals[number]
        if patient and self.model.state(number) == PENDING:
            self.model.now = proposal.snapshot
        for order, (bank, support) in enumerate(zip(banks, cycle(supports))):
            if pause and order == pause[0]:
                self.model.now = max(self.model.now, proposal.deadline - pause[1])
            if patient and self.model.state(number) > OPEN:
                return
            self.vote(number, bank, support)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), patient=mostly)
    def anybody_moves_it_on(self, data: st.DataObject, patient: bool) -> None:
        number = self.one_in(data, SUCCEEDED, QUEUED)
        if self.model.state(number) == SUCCEEDED and patient:
            self.move(number, "queue")
            self.compare()
        queued, rules = self.model.state(number) == QUEUED, list(self.model.rules)
        if queued and patient:
            self.model.now = max(self.model.now, self.model.proposals[number].effective - 1)
        self.move(number, "execute" if queued == patient else "queue")
        steps["rule changed under way"] += rules != self.model.rules and self.under_way > 0

    @precondition(lambda self: self.ids and self.taken % 5 == 0)
    @rule(data=st.data(), by_the_guardian=st.booleans())
    def somebody_cancels(self, data: st.DataObject, by_the_guardian: bool) -> None:
        number = data.draw(st.integers(0, len(self.ids) - 1))
        sender = self.alliance.break_glass.address if by_the_guardian else SECRETARIAT
        self.do("cancel", sender, self.moves[number]["cancel"], number, by_the_guardian)

    @rule(node=nodes, guardians=guardian_lists, wait=waits)
    def guardians_confirm_a_freeze(self, node: int, guardians: list[int], wait: Any) -> None:
        self.go_to(wait)
        for guardian in guardians:
            before, sender = self.model.freeze_count, GUARDIAN_ADDRESSES[guardian]
            self.do("confirm_freeze", sender, self.confirmation(node), node, guardian)
            if self.model.freeze_count > before:
                self.ratification_opened(node)

    @precondition(lambda self: self.ids)
    @rule(bank=bank_numbers, node=st.integers(0, 5))
    def the_members_decide_elsewhere(self, bank: int, node: int) -> None:
        """On a seat, or now and then on a frozen node."""
        if node in self.model.freezes:
            self.do("thaw", self.alliance.timelock.address, self.thawing(node), node)
        else:
            name = "suspend" if self.model.status[bank] == ACTIVE else "reinstate"
            if self.model.status.count(ACTIVE) < FEWEST:
                name, bank = "reinstate", self.model.status.index(SUSPENDED)
            self.do(name, self.alliance.timelock.address, self.about_a_seat(name, bank), bank)

    @invariant()
    def contracts_and_model_agree(self) -> None:
        self.taken += 1
        steps["steps"] += 1
        self.compare(history=self.taken > STEPS)  # once before the first step, and after each

    # --- On both sides ---

    def do(self, name: str, sender: str, call: Call, *arguments: Any) -> bool:
        """One transaction, a tick later; model and ledger must agree on whether it is allowed."""
        self.model.now += 1
        if self.model.now != self.ledger_now + 1:
            self.next_block_at(self.model.now)
        self.ledger_now = self.model.now
        done = self.wire.send(sender, call)
        allowed = bool(getattr(self.model, name)(*arguments))
        assert done == allowed, (name, arguments, done)
        steps[f"{name} {'done' if done else 'refused'}"] += 1
        return done

    def mine(self) -> None:
        """A block in which nothing happens."""
        self.next_block_at(self.model.now)
        self.wire.ask("evm_mine")

    def move(self, number: int, name: str) -> None:
        self.do(name, SECRETARIAT, self.moves[number][name], number)

    def vote(self, number: int, bank: int, support: int) -> None:
        ballot = packed("castVote(uint256,uint8)", self.ids[number], support)
        call = self.alliance.governor.address, ballot
        if self.do("vote", VOTERS[bank], call, number, bank, support):
            self.compare()  # several may vote in a step

    def propose(self, call: Call, kind: int, *effect: Any) -> None:
        text = f"Step {steps['steps']}\n{self.bindings[SECRETARIAT]}"
        content = [call[0]], [0], [bytes.fromhex(call[1][2:])]
        self.remember(content, text)
        proposing = self.alliance.governor.functions.propose(*content, text)
        self.do("propose", SECRETARIAT, plain(proposing), kind, *effect)

    def ratification_opened(self, node: int) -> None:
        """The freeze opened a vote, whose content follows from it."""
        number = self.model.freeze_count
        registry, break_glass = self.alliance.registry, self.alliance.break_glass
        call = registry.functions.ratifyFreeze(NETWORK, node_id(node), number)
        subject = f"settlement-main {Web3.keccak(node_id(node)).to_0x_hex()}"
        about = f"Subject: {subject}\nReason SHA-256: 0x{REASON.hex()}"
        text = f"Ratification of freeze {number}\n{about}\n{self.bindings[break_glass.address]}"
        self.remember(([registry.address], [0], [bytes.fromhex(encoded(call)[2:])]), text)
        ((opened,),) = self.wire.read([(break_glass.address, packed("ratificationOf(uint64)", number))])
        assert opened == self.ids[-1]

    def remember(self, content: Content, text: str) -> None:
        """How to ask for a proposal, and how to move it on."""
        governor = self.alliance.governor
        executable = (*content, bytes(Web3.keccak(text=text)))
        number = int.from_bytes(Web3.keccak(encode(CONTENT, executable)))
        self.ids.append(number)
        tail = encoded(governor.functions.execute(*executable))[10:]
        self.moves.append({move: (governor.address, found + tail) for move, found in MOVES.items()})
        self.views.append([(governor.address, packed(f"{view}(uint256)", number)) for view in VIEWS])

    def compare(self, *, history: bool = False) -> None:
        """All that the ledger says, against all that the model says.

        Of a proposal that has come to its end, and was compared since, the state alone, but for `history`.
        """
        if self.ledger_now != self.model.now:
            self.mine()
        numbers = range(len(self.ids))
        asked = [self.views[one][: 1 if one in self.over and not history else None] for one in numbers]
        nodes_there = [(self.alliance.registry.address, data) for data in node_views()]
        answers = iter(self.wire.read([call for views in asked for call in views] + nodes_there))
        for number in numbers:
            self.compare_proposal(number, list(islice(answers, len(asked[number]))))
        for node in range(2):
            self.compare_node(node, next(answers), next(answers))

    def compare_node(self, node: int, frozen: list[int], freeze: list[int]) -> None:
        there = self.model.freezes[node]
        steps["lapsed"] += there.number > 0 and not self.model.is_frozen(node)
        assert frozen == [self.model.is_frozen(node)]
        assert freeze == [there.number, there.until, there.rests_until, there.ratified]

    def compare_proposal(self, number: int, answer: list[list[int]]) -> None:
        state = self.model.state(number)
        assert answer[0] == [state]
        if len(answer) == 1:
            return
        _, (deadline,), (effective,), rule, tally, outlook = answer
        there, count = self.model.proposals[number], self.model.count(number)
        assert (deadline, effective) == (there.deadline, there.effective)
        assert rule == [there.kind, *there.rule]
        assert tally == [*count.electorate, *(votes for by in count.votes for votes in by)]
        steps["extended"] += there.deadline > there.snapshot + PERIOD
        steps["decided early"] += state in (DEFEATED, SUCCEEDED) and self.model.now <= there.deadline
        assert Outlook(*outlook) == model_outlook(count) == console_outlook(count)
        if state in model.ENDED:
            self.over.add(number)

    # --- Helpers ---

    def next_block_at(self, moment: int) -> None:
        self.wire.ask("evm_setNextBlockTimestamp", moment)
        self.ledger_now = moment

    def go_to(self, wait: tuple[int, int] | None) -> None:
        """Close to the n-th thing that is due, but never back."""
        if wait is not None:
            due = self.model.moments()
            self.model.now = max(self.model.now + 1, due[wait[0] % len(due)] + wait[1])

    @property
    def under_way(self) -> int:
        """How many proposals have not come to an end."""
        return sum(self.model.state(number) not in model.ENDED for number in range(len(self.ids)))

    def one_in(self, data: st.DataObject, *states: int) -> int:
        """Mostly a proposal in one of these states."""
        fitting = [number for number in range(len(self.ids)) if self.model.state(number) in states]
        return data.draw(st.sampled_from(fitting * 4 + list(range(len(self.ids)))))

    # The same on every ledger of this machine: encoded once.

    @classmethod
    @cache
    def about_a_seat(cls, name: str, bank: int) -> Call:
        return plain(cls.alliance.seats.functions[name](BANKS[bank].id))

    @classmethod
    @cache
    def admission(cls, node: int, role: int) -> Call:
        return plain(cls.alliance.registry.functions.setRole(NETWORK, node_id(node), BANKS[0].id, role))

    @classmethod
    @cache
    def thawing(cls, node: int) -> Call:
        return plain(cls.alliance.registry.functions.thaw(NETWORK, node_id(node)))

    @classmethod
    @cache
    def confirmation(cls, node: int) -> Call:
        return plain(cls.alliance.break_glass.functions.confirmFreeze(NETWORK, node_id(node), REASON))


def plain(call: Any) -> Call:
    return call.address, encoded(call)


@cache
def node_views() -> list[str]:
    offset, length = f"{64:064x}", f"{64:064x}"
    return [
        selector(f"{view}(bytes32,bytes)") + NETWORK.hex() + offset + length + node_id(node).hex()
        for node in range(2)
        for view in ("isFrozen", "freezeOf")
    ]


@cache
def model_outlook(count: model.Count) -> Outlook:
    return count.outlook()


@cache
def console_outlook(count: model.Count) -> Outlook:
    """What the console tells its users of the same votes."""
    columns = zip(count.electorate, *count.votes, strict=True)
    categories = tuple(
        console.Category(seats, console.Tally(in_favour=favour, against=against, abstain=abstain))
        for seats, against, favour, abstain in columns
    )
    rule = console.Rule((count.rule[0], count.rule[1]), (count.rule[2], count.rule[3]), count.rule[4])
    told = console.outlook(console.Count(rule, categories))
    return Outlook(
        told.passes,
        told.possible,
        told.decided,
        told.quorum_missing,
        told.approval_missing,
        told.categories_missing,
    )


@pytest.fixture
def machine(ledger: Web3) -> Any:
    """The machine over an alliance of its own, with two nodes to freeze."""
    alliance = Alliance.established(ledger, *BANKS, rules=START)
    for node in range(2):
        alliance.rule(alliance.registry.functions.setRole(NETWORK, node_id(node), BANKS[0].id, SEALER))
    Machine.alliance, Machine.wire = alliance, Wire(ledger)
    senders = SECRETARIAT, alliance.break_glass.address
    Machine.bindings = {sender: alliance.binding(sender) for sender in senders}
    before = Machine.wire.ask("evm_snapshot")
    Machine.wire.ask("anvil_setBlockTimestampInterval", 1)
    yield Machine
    Machine.wire.ask("anvil_removeBlockTimestampInterval")
    assert Machine.wire.ask("evm_revert", before)
    Machine.wire.close()


def test_contracts_and_model_agree_after_every_step(machine: type[Machine]) -> None:
    steps.clear()

    run_state_machine_as_test(
        machine,
        _min_steps=STEPS - 1,  # else some runs would end before their time
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
        ),
    )

    assert steps["runs"] >= RUNS
    assert steps["steps"] - steps["runs"] >= RUNS * STEPS  # one before the first step of each run
    if RUNS >= ENOUGH:
        done = ("propose", "vote", "queue", "execute", "cancel", "confirm_freeze", "thaw", "suspend")
        wanted = {f"{name} done" for name in done} | {f"{name} refused" for name in done[1:7]}
        assert {what for what in wanted | {"extended", "decided early", "lapsed"} if not steps[what]} == set()
