"""Deploying and founding: once, resumable, and over for good when closed."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.core.management import CommandError, call_command

from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.stack.embedded import EmbeddedLedger
from governance.chain import calls, contracts, deployment, founding, keys, selectors
from governance.chain import ledger as gateway
from governance.chain.errors import (
    EarlierContracts,
    FoundingClosed,
    NobodyToFound,
    NoLedger,
    OtherLedger,
    RelayFailed,
    RelayKeyNotAvailable,
)
from governance.chain.models import ChainEvent, Ledger, RegistryEntry, RelayTransaction, Seat
from tests.chain.world import GUARDIANS, World
from tests.factories import InstitutionFactory, NodeFactory

OBSERVER, SEALER = 1, 2
MINED = RelayTransaction.Status.MINED


def command(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_deploying_twice_leaves_everything_as_it_was(world: World) -> None:
    first = Ledger.objects.values().get()
    printed = command("deploy_contracts", "--passphrase-file", str(world.passphrase_file))
    assert Ledger.objects.values().get() == first
    assert first["relay_address"] in printed
    assert RelayTransaction.objects.filter(key__startswith="deploy:", status=MINED).count() == 6
    assert Event.objects.filter(action="ledger.deployed").count() == 1


def test_the_contracts_are_wired_to_each_other_and_to_the_relay_account(world: World) -> None:
    ledger, governor = world.ledger, world.governor.functions
    assert governor.token().call() == ledger.seats
    assert governor.timelock().call() == ledger.timelock
    assert governor.convener().call() == ledger.relay_address
    assert governor.votingPeriod().call() == 3600
    assert governor.proposalGuardian().call() == ledger.break_glass
    assert world.registry.functions.executor().call() == ledger.timelock
    assert world.registry.functions.seats().call() == ledger.seats
    assert world.registry.functions.guardian().call() == ledger.break_glass
    guardians = contracts.break_glass(ledger).functions
    assert guardians.guardians().call() == [guardian.address for guardian in GUARDIANS]
    assert guardians.threshold().call() == 2
    assert world.seats.functions.founder().call() == ledger.relay_address


def test_nobody_but_the_governor_has_anything_carried_out(world: World) -> None:
    ledger, has_role = world.ledger, contracts.timelock(world.ledger).functions.hasRole
    for role in contracts.GOVERNORS_ROLES:
        assert has_role(role, ledger.governor).call()
        assert not has_role(role, ledger.relay_address).call()
        assert not has_role(role, calls.NOBODY).call()
    assert not has_role(contracts.ADMIN_ROLE, ledger.relay_address).call()
    assert has_role(contracts.ADMIN_ROLE, ledger.timelock).call()


def test_the_rules_are_those_of_the_settings(world: World) -> None:
    assert selectors.voting_rules() == dict(enumerate(live_settings.VOTING_RULES.values()))
    assert selectors.voting_rules()[1] == {"quorum": [1, 2], "approval": [2, 3], "categories": 3}


def test_without_guardians_there_is_no_glass_to_break(bare_ledger: Path, settings: Any) -> None:
    settings.GUARDIANS = []
    ledger = deployment.deploy(bare_ledger)
    assert ledger.break_glass == ""
    assert contracts.registry(ledger).functions.guardian().call() == calls.NOBODY
    assert contracts.governor(ledger).functions.proposalGuardian().call() == calls.NOBODY


def test_contracts_of_an_earlier_release_are_named(world: World) -> None:
    Ledger.objects.update(timelock="")
    with pytest.raises(EarlierContracts, match=world.ledger.governor):
        deployment.deploy(world.passphrase_file)


@pytest.mark.parametrize(
    ("hold", "at"),
    [
        ("governance.chain.relay.broadcast", 2),
        ("governance.chain.deployment._address", 1),
        ("governance.chain.relay._settle", 3),
        ("governance.chain.relay._settle", 8),  # in the middle of the wiring
    ],
)
def test_a_deployment_that_was_cut_off_is_finished_by_the_next(
    bare_ledger: Path, victim: Callable[..., Any], hold: str, at: int
) -> None:
    victim("deploy", hold=hold, at=at).arrives().killed()
    with pytest.raises(NoLedger):
        gateway.current()
    ledger = deployment.deploy(bare_ledger)
    assert gateway.current() == ledger
    assert RelayTransaction.objects.filter(key__startswith="deploy:", status=MINED).count() == 6
    client = gateway.web3(ledger)
    assert client.eth.get_transaction_count(ledger.relay_address) == 6 + 6  # type: ignore[arg-type]
    assert contracts.governor(ledger).functions.token().call() == ledger.seats


def test_a_ledger_that_takes_a_fee_is_paid_from_an_embedded_ones_purse(
    bare_ledger: Path, settings: Any
) -> None:
    client = gateway.connect()
    client.provider.make_request("anvil_setNextBlockBaseFeePerGas", ["0x3b9aca00"])  # type: ignore[arg-type]
    ledger = deployment.deploy(bare_ledger)
    assert 0 < client.eth.get_balance(ledger.relay_address) <= deployment.DEVELOPMENT_FUNDS  # type: ignore[arg-type]


def test_deploying_to_another_chain_than_before_is_refused(
    world: World, fresh_ledger: Callable[[], EmbeddedLedger], settings: Any
) -> None:
    other = fresh_ledger()
    settings.LEDGER_URL = other.url
    # Two ledgers of one second may share their genesis; then the missing contracts give the other one away.
    with pytest.raises(CommandError, match=r"genesis|创世|seats"):
        command("deploy_contracts")
    assert World.rpc_at(other.url, "eth_blockNumber") == "0x0"


def test_a_lost_relay_key_is_not_silently_replaced(world: World) -> None:
    keys.key_file().unlink()
    with pytest.raises(RelayKeyNotAvailable):
        deployment.deploy(world.passphrase_file)
    assert not keys.key_file().exists()


def test_another_relay_key_than_the_contracts_know_is_refused(world: World) -> None:
    keys.key_file().unlink()
    keys.create(world.passphrase_file)
    with pytest.raises(RelayKeyNotAvailable, match=world.ledger.relay_address):
        deployment.deploy(world.passphrase_file)


def test_a_ledger_that_lost_the_contracts_is_refused(world: World) -> None:
    world.rpc("anvil_setCode", world.ledger.seats, "0x")
    with pytest.raises(OtherLedger, match="seats contract"):
        deployment.deploy(world.passphrase_file)


def test_the_founding_seats_members_and_enters_nodes_then_closes(
    world: World, banks: list[Institution]
) -> None:
    silent = InstitutionFactory(admitted=True)  # has handed in no voting address
    nodes = {NodeFactory(institution=banks[0]): SEALER, NodeFactory(institution=banks[1]): OBSERVER}
    words = [f"{node.pk}:{'sealer' if role == SEALER else 'observer'}" for node, role in nodes.items()]
    printed = command("found_alliance", "--node", words[0], "--node", words[1])
    assert printed.count("found:") == 3
    assert Seat.objects.count() == 5
    assert not Seat.objects.filter(member_id=silent.uscc).exists()
    roles = {entry.consensus_id: entry.role for entry in RegistryEntry.objects.all()}
    assert roles == {node.consensus_id: role for node, role in nodes.items()}
    assert world.seats.functions.executor().call() == world.ledger.timelock
    assert command("found_alliance", "--node", words[0]).startswith("the founding was closed before")


def test_founding_nodes_can_come_from_a_file(world: World, banks: list[Institution], tmp_path: Path) -> None:
    node = NodeFactory(institution=banks[0])
    listed = tmp_path / "nodes.txt"
    listed.write_text(f"# founding nodes\n\n{node.pk}:sealer\n")
    command("found_alliance", "--founding-nodes", str(listed))
    assert RegistryEntry.objects.get().consensus_id == node.consensus_id


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("{node}:king", "observer, sealer"),
        ("6f0c8a52-0000-4000-8000-000000000000:sealer", "no such node"),
        ("not-a-uuid:sealer", "no such node"),
    ],
)
def test_a_founding_node_that_is_none_is_named_and_nothing_happens(
    world: World, banks: list[Institution], word: str, complaint: str
) -> None:
    node = NodeFactory(institution=banks[0])
    with pytest.raises(CommandError, match=complaint):
        command("found_alliance", "--node", word.format(node=node.pk))
    assert world.seats.functions.seatCount().call() == 0


@pytest.mark.parametrize("at", [1, 2])
def test_a_founding_that_was_cut_off_is_finished_by_the_next(
    world: World, banks: list[Institution], victim: Callable[..., Any], at: int
) -> None:
    victim("found", hold="governance.chain.relay.broadcast", at=at).arrives().killed()
    world.found()
    assert Seat.objects.count() == 5
    assert ChainEvent.objects.filter(name="SeatGranted").count() == 5
    assert ChainEvent.objects.filter(name="FoundingClosed").count() == 1


def test_many_members_are_seated_in_batches(world: World) -> None:
    for _ in range(founding.BATCH + 1):
        InstitutionFactory(admitted=True, voting=True)
    world.found()
    assert Seat.objects.count() == world.seats.functions.activeSeatCount().call() == founding.BATCH + 1
    assert RelayTransaction.objects.filter(key__startswith="found:").count() == 3


def test_after_the_founding_nobody_is_seated_but_by_vote(founded: World) -> None:
    late = InstitutionFactory(admitted=True, voting=True)
    with pytest.raises(FoundingClosed):
        founding.found_alliance(founded.ledger, nodes={})
    seating = calls.found_seats(founded.ledger, [calls.Seating(late.uscc, 1, str(late.voting_address))])
    with pytest.raises(RelayFailed, match="FounderOnly"):
        founded.sends("coup", seating)
    assert Seat.objects.count() == 5


def test_an_alliance_of_nobody_is_not_founded(world: World) -> None:
    with pytest.raises(NobodyToFound):
        founding.found_alliance(world.ledger, nodes={})
    assert world.seats.functions.founder().call() == world.ledger.relay_address


def test_the_commands_follow_and_rebuild(founded: World) -> None:
    assert f"at block {founded.height}" in command("follow_chain")
    assert f"{ChainEvent.objects.count()} events" in command("rebuild_projection")


def test_the_commands_say_in_one_line_that_nothing_is_deployed(db: None, relay_key: Path) -> None:
    for words in ("found_alliance", "follow_chain", "rebuild_projection"):
        with pytest.raises(CommandError, match="deploy_contracts"):
            command(words)
