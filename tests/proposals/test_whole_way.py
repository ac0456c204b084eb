"""From a draft to its effect, through the relay and the indexer, by nothing but members' signatures."""

from __future__ import annotations

from consortium.members.models import Institution
from consortium.members.states import Status
from governance.chain.models import RegistryEntry, Seat
from governance.proposals import selectors
from governance.proposals.models import Proposal
from governance.proposals.rules import State, Tally
from tests.proposals.stage import ABSTAIN, AGAINST, FOR, Stage


def test_four_banks_admit_a_fifth_and_the_ledger_gives_it_a_seat(stage: Stage) -> None:
    applicant = stage.applicant(short_name="lantian-trust")

    proposal = stage.decided(institution=applicant)

    assert stage.state(proposal) == State.EXECUTED
    assert stage.tally(proposal) == (0, 4, 0)
    assert Seat.objects.get(member_id=applicant.uscc).voting_address == applicant.voting_address
    assert Institution.objects.get(pk=applicant.pk).status == Status.ACTIVE
    seen = selectors.overview(Proposal.objects.get(pk=proposal.pk))
    assert seen.effect.status == selectors.EffectStatus.DONE
    assert seen.effect.tx_hash == Proposal.objects.get(pk=proposal.pk).execute_tx.tx_hash
    actions = [event.action for event in reversed(list(selectors.timeline(proposal)))]
    assert actions == [
        "proposal.drafted",
        "proposal.opened",
        "proposal.on_ledger",
        *["ballot.received", "ballot.counted"] * 4,
        "proposal.queueing_sent",
        "proposal.queued",
        "proposal.execution_sent",
        "proposal.executed",
    ]


def test_a_node_is_admitted_made_a_sealer_and_removed(stage: Stage) -> None:
    bank = stage.banks[0]
    node = stage.node(bank)

    stage.decided("admit_node", institution=bank, node=node, node_role=1)
    assert RegistryEntry.objects.get().role == RegistryEntry.NodeRole.OBSERVER
    stage.decided("change_role", institution=bank, node=node, node_role=2)
    entry = RegistryEntry.objects.get()
    assert (entry.role, entry.consensus_id) == (RegistryEntry.NodeRole.SEALER, node.consensus_id)
    stage.decided("remove_node", institution=bank, node=node)
    assert not RegistryEntry.objects.exists()


def test_a_bank_is_suspended_reinstated_and_expelled_with_its_nodes(stage: Stage) -> None:
    bank = stage.banks[-1]
    stage.register(stage.node(bank), RegistryEntry.NodeRole.OBSERVER)

    stage.decided("suspend", institution=bank)
    assert Seat.objects.get(member_id=bank.uscc).status == Seat.Status.SUSPENDED
    stage.decided("reinstate", institution=bank)
    assert Seat.objects.get(member_id=bank.uscc).status == Seat.Status.ACTIVE
    stage.decided("expel", institution=bank)

    assert Seat.objects.get(member_id=bank.uscc).status == Seat.Status.REVOKED
    assert Institution.objects.get(pk=bank.pk).status == Status.EXITED
    assert not RegistryEntry.objects.exists()


def test_the_overview_counts_names_and_shows_the_time_left(stage: Stage) -> None:
    proposal = stage.voting()
    first, second, third, *others = sorted(stage.banks, key=lambda bank: bank.short_name)
    for bank, support in ((first, FOR), (second, AGAINST), (third, ABSTAIN)):
        stage.cast(bank, proposal, support)
    stage.work()

    with stage.ledgers_time():
        seen = selectors.overview(Proposal.objects.get(pk=proposal.pk))

    assert (seen.state, seen.tally) == (State.VOTING, Tally(in_favour=1, against=1, abstain=1))
    assert (seen.quorum, seen.electorate, seen.votes_missing) == (3, 5, 1)
    assert [(v.institution, v.support) for v in seen.voted] == [(first, 1), (second, 0), (third, 2)]
    assert [voter.institution for voter in seen.not_voted] == others
    assert seen.seconds_left == stage.deadline(proposal) - int(stage.now.timestamp()) + 1


def test_a_proposal_that_fails_is_not_executed(stage: Stage) -> None:
    proposal = stage.voting()
    for bank in stage.banks[:2]:
        stage.cast(bank, proposal)
    stage.work()
    stage.close(proposal)
    with stage.ledgers_time(ahead=5):
        stage.work()

    assert stage.state(proposal) == State.DEFEATED
    assert Proposal.objects.get(pk=proposal.pk).execute_tx is None
