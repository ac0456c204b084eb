"""What becomes of a proposal is told step by step, and its count is drawn against its rule."""

from __future__ import annotations

from django.test import Client
from django.utils import translation

from consortium.core import clock
from consortium.core.models import OutboxMessage
from consortium.members.models import Node
from consortium.web import effects, tally
from consortium.web.admin.proposals import _effect_words
from governance.chain.models import OnChainProposal, RelayTransaction
from governance.permissions.models import Delivery, Epoch, EpochMember
from governance.proposals import facts, selectors, services, topics
from governance.proposals.models import Proposal
from tests.factories import NodeFactory, UserFactory
from tests.proposals.stage import Stage
from tests.proposals.test_executing import member


def told(stage: Stage, proposal: Proposal) -> list[tuple[str, str]]:
    with stage.ledgers_time():
        found = selectors.overview(Proposal.objects.get(pk=proposal.pk))
        return [(stage_.label.split(":")[0], stage_.state) for stage_ in effects.stages(found)]


def last(stage: Stage, proposal: Proposal, ahead: float = 0) -> effects.Stage:
    """The last step in English, at the ledger's time."""
    with stage.ledgers_time(ahead=ahead), translation.override("en"):
        return effects.stages(selectors.overview(Proposal.objects.get(pk=proposal.pk)))[-1]


def refused(stage: Stage) -> tuple[Proposal, float]:
    """What stands in the way of a due one; the ledger refuses it, once. With the time of that."""
    bank = stage.banks[-1]
    proposal = stage.due("suspend", institution=bank)
    stage.rule(stage.seats.functions.suspend(member(bank)))
    with stage.ledgers_time(ahead=5):
        stage.work()
    return proposal, 5


def test_each_step_from_the_vote_to_the_ledger_is_told(stage: Stage) -> None:
    proposal = stage.voting("admit_institution")
    assert [state for _label, state in told(stage, proposal)] == ["now", "open", "open"]
    queued = stage.queued("admit_institution")
    assert [state for _label, state in told(stage, queued)] == ["done", "now", "open"]


def test_the_picture_says_what_is_still_needed_and_by_which_rule(stage: Stage) -> None:
    proposal = stage.voting("admit_institution")
    with stage.ledgers_time():
        drawn = tally.picture(selectors.overview(proposal))
    assert drawn is not None
    assert [meter.met for meter in drawn.meters] == [False, False, False]
    assert [row.silent for row in drawn.rows] == [5]


def test_a_defeated_proposal_has_no_effect_to_tell(stage: Stage) -> None:
    proposal = stage.voting("admit_institution")
    stage.close(proposal)
    stage.index()
    assert told(stage, proposal) == []


def test_what_the_ledger_refuses_to_carry_out_is_told_and_that_it_is_tried_again(
    stage: Stage, client: Client
) -> None:
    proposal, ahead = refused(stage)
    found = last(stage, proposal, ahead)
    assert (found.label, found.state) == ("Executed on the ledger", "failed")
    assert found.note == (
        "failed: UnexpectedSeatStatus; tried again by itself, and by the secretariat at once"
    )
    client.force_login(UserFactory(institution=stage.banks[0]))
    with stage.ledgers_time(ahead=ahead):
        page = client.get(f"/proposals/{proposal.pk}/", headers={"accept-language": "en"}).content.decode()
    assert found.note in page
    assert '<li class="failed">Executed on the ledger' in page


def test_once_its_attempts_are_used_up_nobody_promises_another(stage: Stage) -> None:
    proposal, ahead = refused(stage)
    while not last(stage, proposal, ahead).note.startswith("failed: UnexpectedSeatStatus; after"):
        assert OutboxMessage.objects.filter(topic=topics.EXECUTE, done_at=None).exists()  # it is owed
        ahead += 3700
        with stage.ledgers_time(ahead=ahead):
            stage.work()
        assert attempts(proposal) <= facts.MOST_ATTEMPTS

    assert attempts(proposal) == facts.MOST_ATTEMPTS
    assert not OutboxMessage.objects.filter(topic=topics.EXECUTE, done_at=None).exists()
    found = last(stage, proposal, ahead)
    assert found.state == "failed"
    assert found.note == (
        "failed: UnexpectedSeatStatus; after 20 attempts it is tried only if the secretariat asks"
    )
    with stage.ledgers_time(ahead=ahead), translation.override("en"):
        effect = selectors.overview(Proposal.objects.get(pk=proposal.pk)).effect
        assert "only if somebody asks" in str(_effect_words(effect))

        services.execute(proposal, actor=stage.secretary)
        stage.work()
    assert attempts(proposal) == facts.MOST_ATTEMPTS + 1  # and once more it was


def attempts(proposal: Proposal) -> int:
    return RelayTransaction.objects.filter(key__startswith=f"execute:{proposal.pk}:").count()


def test_how_many_nodes_have_applied_it_is_counted(stage: Stage) -> None:
    bank = stage.banks[0]
    node = stage.node(bank)
    other = NodeFactory(institution=stage.banks[1], network=node.network)
    proposal = stage.decided("admit_node", institution=bank, node=node, node_role=1)

    found = last(stage, proposal)
    assert found.label == f"In force on network {node.network_id}"
    assert (found.state, found.note) == (
        "open",
        "the list did not change yet: a node without certificate is not on it",
    )

    listed(proposal, node, other)
    applied(other)
    found = last(stage, proposal)
    assert (found.state, found.note) == ("now", "applied by 1 of 2 nodes, list 1")

    applied(node)
    found = last(stage, proposal)
    assert (found.state, found.note) == ("done", "applied by 2 of 2 nodes, list 1")


def listed(proposal: Proposal, *nodes: Node) -> None:
    """The list that the decision made due, as the worker would have left it: published, nobody has it yet."""
    row, now = OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id), clock.now()
    epoch = Epoch.objects.create(
        network=nodes[0].network, number=1, block=row.block + 1, tx_hash=row.executed_tx, effective_at=now,
        content_sha256="ab" * 32, node_count=len(nodes), cause="registry.changed", compiled_at=now,
        published_at=now, tuf_version=1,
    )  # fmt: skip
    for node in nodes:
        EpochMember.objects.create(epoch=epoch, node=node, role=1)
        Delivery.objects.create(node=node, wanted_epoch=1, wanted_at=now)


def applied(node: Node) -> None:
    Delivery.objects.filter(node=node).update(applied_epoch=1, applied_at=clock.now())
