"""Our derived state, held against the governor's own in every phase."""

from __future__ import annotations

from governance.chain.models import OnChainProposal
from governance.proposals import services
from governance.proposals.models import Proposal
from governance.proposals.rules import State
from tests.proposals.stage import AGAINST, Stage

GOVERNORS = {
    0: State.PENDING,
    1: State.VOTING,
    2: State.CANCELED,
    3: State.DEFEATED,
    4: State.SUCCEEDED,
    5: State.QUEUED,
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
        stage.relay()
    stage.move_to(stage.deadline(proposal))
    assert both(stage, proposal) == State.VOTING
    stage.move_to(stage.deadline(proposal) + 1)
    assert both(stage, proposal) == State.SUCCEEDED
    services.execute_when_due(proposal.pk)
    assert both(stage, proposal) == State.SUCCEEDED
    stage.relay()
    assert both(stage, proposal) == State.QUEUED
    stage.wait(proposal)
    services.execute_when_due(proposal.pk)
    assert both(stage, proposal) == State.QUEUED
    stage.relay()
    assert both(stage, proposal) == State.EXECUTED


def test_passed_before_its_time_once_nobody_could_stop_it(stage: Stage) -> None:
    proposal = stage.voting()
    for bank in stage.banks[:4]:
        assert both(stage, proposal) == State.VOTING
        stage.cast(bank, proposal)
        stage.relay()
    assert both(stage, proposal) == State.SUCCEEDED


def test_defeated_before_its_time_once_nothing_could_save_it(stage: Stage) -> None:
    proposal = stage.voting()
    for bank in stage.banks[:2]:
        assert both(stage, proposal) == State.VOTING
        stage.cast(bank, proposal, AGAINST)
        stage.relay()
    assert both(stage, proposal) == State.DEFEATED


def test_defeated_for_want_of_a_quorum(stage: Stage) -> None:
    proposal = stage.voting()
    for bank in stage.banks[:2]:
        stage.cast(bank, proposal)
    stage.relay()
    stage.close(proposal)
    assert both(stage, proposal) == State.DEFEATED


def test_a_late_vote_that_reaches_the_quorum_gives_the_others_time(stage: Stage) -> None:
    proposal = stage.voting()
    deadline = stage.deadline(proposal)
    for bank in stage.banks[:2]:
        stage.cast(bank, proposal)
    stage.relay()
    stage.move_to(deadline - 10)
    stage.cast(stage.banks[2], proposal)
    stage.relay()

    assert stage.deadline(proposal) > deadline
    row = OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id)
    assert int(row.vote_end.timestamp()) == stage.deadline(proposal)
    (extended,) = stage.events(proposal, "proposal.extended")
    assert extended.data["vote_end"] == row.vote_end.isoformat()
    stage.move_to(deadline + 1)
    assert both(stage, proposal) == State.VOTING
    stage.close(proposal)
    assert both(stage, proposal) == State.SUCCEEDED


def test_defeated_by_a_tie(stage: Stage) -> None:
    proposal = stage.voting()
    for bank, support in zip(stage.banks, (1, 0, 1, 0, 2), strict=True):
        if both(stage, proposal) == State.VOTING:
            stage.cast(bank, proposal, support)
            stage.relay()
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
    (canceled,) = stage.events(proposal, "proposal.canceled")
    assert canceled.data["withdrawn"] is False  # by that account, but not by a withdrawal of ours


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
