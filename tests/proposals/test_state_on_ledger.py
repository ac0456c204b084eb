"""Our derived state, held against the governor's own in every phase."""

from __future__ import annotations

from governance.proposals import services
from governance.proposals.models import Proposal
from governance.proposals.rules import State
from tests.proposals.stage import Stage

GOVERNORS = {
    0: State.PENDING,
    1: State.VOTING,
    2: State.CANCELED,
    3: State.DEFEATED,
    4: State.SUCCEEDED,
    7: State.EXECUTED,
}


def both(stage: Stage, proposal: Proposal) -> State:
    """Our state, after checking that the contract answers the same as of its latest block."""
    stage.index()
    ours = stage.state(proposal)
    assert ours == GOVERNORS[stage.governor.functions.state(int(proposal.chain_proposal_id)).call()]
    return ours


def test_from_pending_to_executed(stage: Stage) -> None:
    proposal = stage.proposed()
    assert both(stage, proposal) == State.PENDING
    stage.move_to(stage.snapshot(proposal))
    assert both(stage, proposal) == State.PENDING
    stage.move_to(stage.snapshot(proposal) + 1)
    assert both(stage, proposal) == State.VOTING
    for bank in stage.banks[:3]:
        stage.cast(bank, proposal)
    stage.work()
    stage.move_to(stage.deadline(proposal))
    assert both(stage, proposal) == State.VOTING
    stage.move_to(stage.deadline(proposal) + 1)
    assert both(stage, proposal) == State.SUCCEEDED
    services.execute_when_due(proposal.pk)
    assert both(stage, proposal) == State.SUCCEEDED
    stage.work()
    assert both(stage, proposal) == State.EXECUTED


def test_defeated_for_want_of_a_quorum(stage: Stage) -> None:
    proposal = stage.voting()
    for bank in stage.banks[:2]:
        stage.cast(bank, proposal)
    stage.work()
    stage.close(proposal)
    assert both(stage, proposal) == State.DEFEATED


def test_defeated_by_a_tie(stage: Stage) -> None:
    proposal = stage.voting()
    for bank, support in zip(stage.banks, (1, 1, 0, 0, 2), strict=True):
        stage.cast(bank, proposal, support)
    stage.work()
    stage.close(proposal)
    assert both(stage, proposal) == State.DEFEATED


def test_cancelled_by_its_proposer_before_the_vote(stage: Stage) -> None:
    proposal = stage.proposed()
    call = stage.governor.functions.cancel(
        proposal.targets,
        proposal.values,
        proposal.calldatas,
        stage.web3.keccak(text=proposal.description),
    )
    stage.send(call, stage.ledger.relay_address)

    assert both(stage, proposal) == State.CANCELED
    assert [event.action for event in stage.events(proposal, "proposal.canceled")] == ["proposal.canceled"]


def test_nobody_else_can_open_the_same_proposal_first(stage: Stage) -> None:
    proposal = stage.draft()
    front_runner = stage.banks[0].voting_address
    content = proposal.targets, proposal.values, proposal.calldatas, proposal.description
    transaction = stage.governor.functions.propose(*content)

    receipt = stage.web3.eth.wait_for_transaction_receipt(
        transaction.transact({"from": front_runner, "gas": 2_000_000, "gasPrice": 0})
    )

    assert receipt["status"] == 0
    services.open(proposal, actor=stage.secretary)
    stage.work()
    assert both(stage, proposal) == State.PENDING
