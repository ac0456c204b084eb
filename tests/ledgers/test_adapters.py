"""One interface, three ways of governing: what each can do, and that each answers."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from consortium.members.models import Institution
from governance.chain import calls
from governance.chain.ledgers import adapters, registering, tasks
from governance.chain.ledgers.base import Action, Deadline, GovernedLedger, State, Unsigned
from governance.chain.ledgers.errors import InvalidAction, LedgerCannot, UnknownProposal
from governance.chain.ledgers.governor import GovernorLedger
from governance.chain.ledgers.models import GovernedLedger as Row
from governance.chain.models import OnChainProposal, RegistryEntry
from tests.chain.world import World
from tests.factories import NetworkFactory, NodeFactory, voter_of

Kind = Row.Kind


def send(world: World, bank: Institution, made: Unsigned) -> int:
    """Signed by the bank itself and sent past the console; the receipt's status."""
    signed = voter_of(bank).sign_transaction(made.fields())
    sent = world.client.eth.send_raw_transaction(signed.raw_transaction)
    return int(world.client.eth.wait_for_transaction_receipt(sent)["status"])


def test_the_alliances_own_ledger_answers(founded: World, banks: list[Institution]) -> None:
    ledger: GovernedLedger = adapters.alliance()
    assert {elector.member for elector in ledger.electorate()} == {bank.uscc for bank in banks}
    assert "SeatGranted" in {change.what for change in ledger.changes(0, ledger.head())}
    assert (ledger.capabilities.ballots, ledger.capabilities.must_refresh) == (True, False)
    assert ledger.clock.deadline is Deadline.SECONDS
    with pytest.raises(UnknownProposal):
        ledger.proposal("1")
    with pytest.raises(LedgerCannot):
        ledger.revoke("1", sender=str(banks[0].voting_address))


def test_a_member_proposes_and_votes_past_the_console(founded: World, banks: list[Institution]) -> None:
    ledger = adapters.alliance()
    zhou, other = banks[0], banks[1]
    sender = str(zhou.voting_address)
    assert send(founded, zhou, ledger.propose([Action("suspend", {"uscc": other.uscc})], sender=sender)) == 1
    founded.pass_time(2)
    founded.follow()
    opened = OnChainProposal.objects.get()
    assert send(founded, zhou, ledger.vote(opened.proposal_id, agree=True, sender=sender)) == 1
    found, counted = ledger.proposal(opened.proposal_id), ledger.tally(opened.proposal_id)
    assert (found.state, found.proposer) == (State.OPEN, sender)
    assert found.actions is not None
    assert found.actions[0].type == "suspend"
    assert found.deadline_at == opened.vote_end
    assert (counted.agree, counted.against, counted.all) == (1, 0, 5)


def test_what_is_no_action_of_the_alliance_is_not_proposed(founded: World) -> None:
    ledger = GovernorLedger(founded.ledger)
    for action in (Action("selfDestruct", {}), Action("suspend", {"bank": "Zhou"})):
        with pytest.raises(InvalidAction):
            ledger.propose([action], sender=founded.ledger.relay_address)


def test_a_ledger_that_is_governed_elsewhere_is_read_and_no_more(
    world: World, banks: list[Institution]
) -> None:
    """Its registry contract has the events of ours; what leaves it leaves the table."""
    nodes = [NodeFactory(institution=bank) for bank in banks[:2]]
    world.found({nodes[0]: 2, nodes[1]: 1})
    row = registering.register(
        "elsewhere",
        kind=Kind.REGISTRY_ONLY,
        rpc_addresses=[world.anvil.url],
        registry=world.ledger.registry,
        network=nodes[0].network,
        actor=registering.COMMAND,
    )
    ledger = adapters.of_network(nodes[0].network_id)
    tasks.attend(row)
    wanted = dict(RegistryEntry.objects.values_list("consensus_id", "role"))
    assert (
        dict(row.nodes.values_list("consensus_id", "role"))
        == wanted
        == {
            nodes[0].consensus_id: 2,
            nodes[1].consensus_id: 1,
        }
    )
    assert {each.consensus_id for each in ledger.nodes()} == set(wanted)
    change = calls.remove_node(world.ledger, network=nodes[1].network_id, consensus_id=nodes[1].consensus_id)
    decide(world, banks, change)
    world.mine(25)  # more than one question covers
    tasks.attend(row)
    assert list(row.nodes.values_list("consensus_id", flat=True)) == [nodes[0].consensus_id]


def decide(world: World, banks: list[Institution], action: calls.Call) -> None:
    number = world.opens(action)
    for bank in banks[:3]:  # the others can change nothing any more
        world.sends(f"vote:{bank.uscc}", world.ballot(bank, number))
    world.carries_out(action)


def test_it_can_be_asked_for_nothing_that_changes_it(world: World) -> None:
    row = registering.register(
        "elsewhere",
        kind=Kind.REGISTRY_ONLY,
        rpc_addresses=[world.anvil.url],
        registry=world.ledger.registry,
        actor=registering.COMMAND,
    )
    ledger = adapters.of(row)
    who = world.ledger.relay_address
    for ask in (
        lambda: ledger.propose([Action("52", {"node": "ab" * 64})], sender=who),
        lambda: ledger.vote("1", agree=True, sender=who),
        lambda: ledger.revoke("1", sender=who),
        lambda: ledger.execute("1", sender=who),
        lambda: ledger.proposal("1"),
        lambda: ledger.tally("1"),
        lambda: ledger.account(who),
    ):
        with pytest.raises(LedgerCannot):
            ask()
    assert ledger.electorate() == []
    assert not any(
        (ledger.capabilities.proposes, ledger.capabilities.ballots, ledger.capabilities.transactions)
    )


def test_a_network_without_a_ledger_of_its_own_is_decided_on_the_alliances(founded: World) -> None:
    network = NetworkFactory()
    assert isinstance(adapters.of_network(network.slug), GovernorLedger)
    assert adapters.of_network(network.slug).nodes(network.slug) == []


def asked(*arguments: str) -> list[str]:
    told = StringIO()
    call_command("ask_ledger", *arguments, stdout=told)
    return told.getvalue().splitlines()


def test_the_command_asks_the_alliances_ledger(founded: World, banks: list[Institution]) -> None:
    node = NodeFactory(institution=banks[0])
    admit = calls.set_role(
        founded.ledger, network=node.network_id, consensus_id=node.consensus_id, uscc=banks[0].uscc, role=2
    )
    number = founded.opens(admit)
    founded.sends("vote", founded.ballot(banks[0], number))
    founded.follow()
    first, *lines = asked("--since", "0")
    assert first == f"governor, at block {founded.client.eth.block_number}; members vote by signed ballots"
    deciding = {line.removeprefix("decides: ") for line in lines if line.startswith("decides: ")}
    assert deciding == {f"{bank.voting_address} 1 {bank.uscc}" for bank in banks}
    assert any(": SeatGranted " in line for line in lines)
    _first, proposal, action, tally = asked("--proposal", str(number))
    assert proposal.startswith(f"proposal {number} of ")
    assert proposal.endswith(": open")
    assert node.consensus_id in action
    assert tally == "  1 for, 0 against, 0 abstain, 5 in all"
    account = str(banks[0].voting_address)
    assert asked("--account", account, "--network", node.network_id)[1:] == [
        str({"address": account, "may_deploy": False, "frozen": False})
    ]


def test_the_command_asks_a_ledger_that_is_only_read(founded: World, banks: list[Institution]) -> None:
    registering.register(
        "elsewhere",
        kind=Kind.REGISTRY_ONLY,
        rpc_addresses=[founded.anvil.url],
        registry=founded.ledger.registry,
        actor=registering.COMMAND,
    )
    assert asked("elsewhere") == [
        f"registry_only, at block {founded.client.eth.block_number}; it is only read"
    ]
    for arguments, said in (
        (["elsewhere", "--proposal", "1"], "ledger_cannot"),
        (["nowhere"], "nowhere: there is no such ledger"),
        (["--proposal", "1"], "unknown_ledger_proposal"),
        (["--proposal", "x"], "no proposal's id"),
        (["--proposal", "9" * 100], "no proposal's id"),
        (["--account", "0x12"], "no address"),
        (["--since", "-1"], "counted from 0"),
    ):
        with pytest.raises(CommandError, match=said):
            asked(*arguments)
