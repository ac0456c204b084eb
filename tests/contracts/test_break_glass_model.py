"""Whatever guardians and members do, in whatever order: a short model foretells what the ledger answers.

No guardian is honest here. Whatever they try, no node is out for more than 72 hours in 30 days unless the
members have ratified its freeze.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract.contract import ContractFunction

from governance.contracts.errors import decode
from tests.contracts.alliance import (
    DELAY,
    GUARDIANS,
    GUARDIANS_NEEDED,
    OBSERVER,
    PERIOD,
    WANGCHAO,
    Alliance,
    events,
    person,
    sent,
)
from tests.contracts.guardians import ANOTHER_REASON, HOUR, LONGEST, MAINNET, REASON, REST, ROUND

NODES = tuple(
    person(f"Wangchao Bank's {name} node")._key_obj.public_key.to_bytes() for name in ("first", "second")
)
EVERYBODY = (*GUARDIANS, person("Guardian Li"))  # three of them are guardians at a time
REASONS = (REASON, ANOTHER_REASON)
UNTIL_THAWED = 2**48 - 1

# What somebody does: a name, a node, a guardian, a reason; and how long after the step before.
Step = tuple[str, int, int, int, int]
PAUSES = [1] * 6 + [HOUR, DELAY + PERIOD + 1, ROUND, ROUND + 1, LONGEST, REST, REST + 1]
STEP = st.tuples(
    st.sampled_from(["admit", "remove", "thaw", "ratify", "confirm", "guardians"]),
    st.sampled_from([0, 0, 0, 1]),
    st.integers(0, len(EVERYBODY) - 1),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from(PAUSES),
)


def both(node: int, guardian: int, pause: int) -> list[Step]:
    """Two guardians after each other, as far as both are guardians."""
    another = (guardian + 1) % len(EVERYBODY)
    return [("confirm", node, guardian, 0, pause), ("confirm", node, another, 0, 1)]


BOTH = st.builds(both, st.sampled_from([0, 0, 0, 1]), st.integers(0, 2), st.sampled_from(PAUSES))
STEPS = st.lists(st.one_of(STEP.map(lambda step: [step]), BOTH), min_size=10, max_size=30).map(
    lambda parts: [step for part in parts for step in part]
)


@dataclass
class Frozen:
    """A node's freeze and rest; number 0: none that could be ratified."""

    number: int = 0
    until: int = 0
    rests_until: int = 0
    ratified: bool = False


@dataclass
class Model:
    """The rules of freezes, rounds and guardians."""

    last_number: int
    admitted: set[int] = field(default_factory=set)
    freezes: dict[int, Frozen] = field(default_factory=lambda: {node: Frozen() for node in range(len(NODES))})
    voted_until: dict[int, int] = field(default_factory=dict)  # by the freeze's number
    guardians: tuple[int, ...] = tuple(range(len(GUARDIANS)))
    rounds: dict[tuple[int, int], tuple[set[int], int]] = field(default_factory=dict)

    def frozen(self, node: int, now: int) -> bool:
        return self.freezes[node].number != 0 and now < self.freezes[node].until

    def do(self, step: Step, now: int) -> str:
        """Carry out a step at this moment; where it is refused, change nothing and name the error."""
        name, node, guardian, reason, _ = step
        if name == "confirm":
            return self.confirm(node, guardian, reason, now)
        if name == "guardians":
            self.guardians = tuple(n for n in range(len(EVERYBODY)) if n != guardian)
            self.rounds.clear()
            return ""
        return getattr(self, name)(node, now)

    def admit(self, node: int, now: int) -> str:
        if node in self.admitted:
            return "RoleUnchanged"
        self.admitted.add(node)
        return ""

    def remove(self, node: int, now: int) -> str:
        if node not in self.admitted:
            return "UnknownNode"
        if self.frozen(node, now):
            self.freezes[node] = Frozen(0, now, now + REST)
        self.freezes[node].number = 0
        self.admitted.remove(node)
        return ""

    def thaw(self, node: int, now: int) -> str:
        if node not in self.admitted:
            return "UnknownNode"
        if not self.frozen(node, now):
            return "NodeNotFrozen"
        self.freezes[node] = Frozen(0, now, now + REST)
        return ""

    def ratify(self, node: int, now: int) -> str:
        """Of the last freeze that was."""
        freeze = self.freezes[node]
        if node not in self.admitted:
            return "UnknownNode"
        if freeze.number == 0 or freeze.number != self.last_number:
            return "UnknownFreeze"
        if freeze.ratified:
            return "FreezeAlreadyRatified"
        if now > freeze.rests_until:
            return "RatificationTooLate"
        freeze.ratified, freeze.until = True, UNTIL_THAWED
        return ""

    def confirm(self, node: int, guardian: int, reason: int, now: int) -> str:
        if self.voted_until.get(self.freezes[node].number, 0) >= now:
            return "RatificationUndecided"
        if guardian not in self.guardians:
            return "NotAGuardian"
        confirmed, expires = self.rounds.get((node, reason), (set(), 0))
        if now > expires:
            confirmed, expires = set(), now + ROUND
        if guardian in confirmed:
            return "AlreadyConfirmed"
        if len(confirmed) + 1 < GUARDIANS_NEEDED:
            self.rounds[node, reason] = confirmed | {guardian}, expires
            return ""
        if refusal := self.unfreezable(node, now):
            return refusal
        self.rounds.pop((node, reason), None)
        self.last_number += 1
        self.freezes[node] = Frozen(self.last_number, now + LONGEST, now + LONGEST + REST)
        self.voted_until[self.last_number] = now + DELAY + PERIOD
        return ""

    def unfreezable(self, node: int, now: int) -> str:
        if node not in self.admitted:
            return "UnknownNode"
        if self.frozen(node, now):
            return "NodeAlreadyFrozen"
        return "NodeAtRest" if now <= self.freezes[node].rests_until else ""


@dataclass
class Stage:
    """The ledger beside the model."""

    alliance: Alliance
    model: Model
    frozen_at: dict[int, list[int]] = field(default_factory=dict)

    def play(self, step: Step) -> None:
        moment = self.alliance.now + step[-1]
        expected = self.model.do(step, moment)
        call, sender = self.call(step)
        self.alliance.next_block_at(moment)
        parameters = {"from": sender, "gas": 3_000_000, "gasPrice": 0}
        receipt = sent(self.alliance.ledger, call.transact(parameters))  # type: ignore[arg-type]
        assert receipt["status"] == (expected == ""), (step, expected)
        if expected:
            assert self.error(call, sender) == expected
        for event in events(self.alliance.registry, receipt, "NodeFrozen"):
            self.frozen_at.setdefault(NODES.index(event["consensusId"]), []).append(moment)
        self.compare(step[1], moment)

    def call(self, step: Step) -> tuple[ContractFunction, str]:
        """The transaction of a step, and who sends it."""
        name, node, guardian, reason, _ = step
        registry, break_glass = self.alliance.registry.functions, self.alliance.break_glass.functions
        place = MAINNET, NODES[node]
        if name == "confirm":
            return break_glass.confirmFreeze(*place, REASONS[reason]), str(EVERYBODY[guardian].address)
        group = [one.address for number, one in enumerate(EVERYBODY) if number != guardian]
        by_vote = {
            "admit": lambda: registry.setRole(*place, WANGCHAO.id, OBSERVER),
            "remove": lambda: registry.remove(*place),
            "thaw": lambda: registry.thaw(*place),
            "ratify": lambda: registry.ratifyFreeze(*place, registry.freezeCount().call()),
            "guardians": lambda: break_glass.setGuardians(group, GUARDIANS_NEEDED),
        }
        return by_vote[name](), self.alliance.timelock.address

    def error(self, call: ContractFunction, sender: str) -> str:
        """Why the transaction of the latest block was refused; it has changed nothing, so it is again."""
        transaction: Any = {"from": sender, "to": call.address, "data": call._encode_transaction_data()}
        answer = self.alliance.ledger.provider.make_request(
            "eth_call",  # type: ignore[arg-type]
            [transaction, "latest"],
        )
        refusal = decode(answer["error"]["data"])  # type: ignore[typeddict-item]
        assert refusal is not None
        return refusal.name

    def compare(self, node: int, now: int) -> None:
        """What the contracts say of a node with what the model says."""
        registry, break_glass = self.alliance.registry.functions, self.alliance.break_glass.functions
        place, freeze = (MAINNET, NODES[node]), self.model.freezes[node]
        told = registry.freezeOf(*place).call()
        assert told == [freeze.number, freeze.until, freeze.rests_until, freeze.ratified]
        assert registry.isFrozen(*place).call() == self.model.frozen(node, now)
        assert (registry.roleOf(*place).call()[0] != 0) == (node in self.model.admitted)
        for number, reason in enumerate(REASONS):
            confirmed, expires = self.model.rounds.get((node, number), (set(), 0))
            addresses = [EVERYBODY[n].address for n in self.model.guardians if n in confirmed]
            told = break_glass.freezeConfirmations(*place, reason).call()
            assert told == ([addresses, expires] if now <= expires else [[], 0])


@settings(max_examples=int(os.environ.get("BREAK_GLASS_RUNS", "8")))
@given(steps=STEPS)
def test_the_contracts_do_what_the_model_says(founded: Alliance, steps: list[Step]) -> None:
    before = founded.rpc("evm_snapshot")
    stage = Stage(founded, Model(founded.registry.functions.freezeCount().call()))

    for step in (("admit", 0, 0, 0, 1), ("admit", 1, 0, 0, 1), *steps):
        stage.play(step)

    for node in range(len(NODES)):
        stage.compare(node, founded.now)
    for moments in stage.frozen_at.values():
        apart = [later - earlier for earlier, later in pairwise(moments)]
        assert all(gap > REST for gap in apart), apart
    assert founded.rpc("evm_revert", before)
