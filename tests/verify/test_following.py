"""What no honest contract tells, and a check refuses all the same: executions out of order."""

from __future__ import annotations

from typing import Any

import pytest

from governance.verify import evidence, following
from governance.verify.document import Bundle, Proposal
from governance.verify.errors import NotProven
from governance.verify.events import Event
from governance.verify.story import Story

GOVERNOR, SEATS, TIMELOCK, TARGET = ("0x" + str(number) * 40 for number in range(1, 5))
ASKED = Proposal(7, 1, "", "", [TARGET], [0], ["0x"])
SCOPE = evidence.scope(
    governor=GOVERNOR, seats=SEATS, timelock=TIMELOCK, proposal_id=7, content=([TARGET], [0], ["0x"], "")
)


def said(name: str, block: int, tx_hash: str = "", **args: Any) -> Event:
    """By the contract whose word it is, of this proposal."""
    ours = {"proposalId": 7, "id": SCOPE.operation, "etaSeconds": 0, **args}
    by = TIMELOCK if name in evidence.OPERATION_EVENTS else GOVERNOR
    return Event(name, ours, by, block, tx_hash or name, 0)


VOTE, QUEUED = said("VoteCast", 1), said("ProposalQueued", 2)
CARRIED = said("CallExecuted", 3, "done", index=0, target=TARGET, value=0, data="0x")
EXECUTED = said("ProposalExecuted", 3, "done")


@pytest.mark.parametrize(("code", "events"), [
    ("executed_and_cancelled", [VOTE, QUEUED, CARRIED, EXECUTED, said("ProposalCanceled", 4)]),
    ("executed_and_cancelled", [VOTE, QUEUED, CARRIED, said("Cancelled", 4)]),
    ("executed_before_votes", [said("VoteCast", 4), QUEUED, CARRIED, EXECUTED]),
    ("executed_before_votes", [VOTE, said("ProposalQueued", 4), CARRIED]),
    ("event_count", [VOTE, CARRIED, EXECUTED]),
    ("executed_apart", [VOTE, QUEUED, EXECUTED]),
    ("executed_apart", [VOTE, QUEUED, CARRIED, said("ProposalExecuted", 4)]),
])  # fmt: skip
def test_an_execution_out_of_order_is_refused(code: str, events: list[Event]) -> None:
    source: Any = None  # nothing is asked of the ledger before the order fits
    story = Story(Bundle(1, GOVERNOR, ASKED, [], [], [], [], []), source)
    story.found_scope, story.events = SCOPE, events
    story.votes = story.named("VoteCast")

    with pytest.raises(NotProven) as refused:
        list(following.executed(story))

    assert refused.value.code == code


def test_a_contract_speaks_only_for_itself() -> None:
    """The names are anybody's; the word of another contract, or of another proposal, is nobody's."""
    for event in (VOTE, QUEUED, CARRIED, EXECUTED):
        assert SCOPE.speaks(event)
        for address in {GOVERNOR, SEATS, TIMELOCK, TARGET} - {event.address}:
            assert not SCOPE.speaks(Event(event.name, event.args, address, event.block, "", 0))
        other = {**event.args, "proposalId": 8, "id": "0x" + "00" * 32}
        assert not SCOPE.speaks(Event(event.name, other, event.address, event.block, "", 0))
