"""Several proposals are open at once, and none waits for another or is counted with it."""

from __future__ import annotations

from governance.chain.models import RegistryEntry, Seat
from governance.proposals import rules
from governance.proposals.rules import State
from tests.proposals.stage import ABSTAIN, AGAINST, FOR, Stage


def test_three_votes_at_once_each_with_its_own_count_and_end(stage: Stage) -> None:
    first, second, *others = stage.banks
    node = stage.node(second)
    suspension = stage.proposed("suspend", institution=first)
    admission = stage.proposed("admit_node", institution=second, node=node, node_role=1)
    change = stage.proposed("change_rule", institution=None, rule_of=0, rule=rules.Rule((1, 4), (1, 2), 0))
    stage.move_to(max(stage.snapshot(one) for one in (suspension, admission, change)) + 1)
    stage.index()
    assert {stage.state(one) for one in (suspension, admission, change)} == {State.VOTING}

    stage.cast(first, change, AGAINST)  # ballots in whatever order: each proposal has nonces of its own
    stage.cast(first, admission, FOR)
    stage.cast(first, suspension, AGAINST)
    stage.cast(second, suspension, ABSTAIN)
    stage.cast(second, admission, FOR)
    stage.cast(others[0], admission, FOR)
    stage.relay()

    assert stage.tally(change) == (1, 0, 0)
    assert stage.tally(suspension) == (1, 0, 1)
    assert stage.tally(admission) == (0, 3, 0)
    assert stage.state(admission) == State.SUCCEEDED
    with stage.ledgers_time(ahead=5):
        stage.work()
    stage.wait(admission)
    with stage.ledgers_time(ahead=5):
        stage.work()
    assert stage.state(admission) == State.EXECUTED
    assert RegistryEntry.objects.get().consensus_id == node.consensus_id
    assert {stage.state(one) for one in (suspension, change)} == {State.VOTING}
    stage.close(change)
    assert {stage.state(one) for one in (suspension, change)} == {State.DEFEATED}
    assert Seat.objects.get(member_id=first.uscc).status == Seat.Status.ACTIVE
