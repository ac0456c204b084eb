"""The console relays what guardians signed, and nothing else."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation
from eth_account.signers.local import LocalAccount

from consortium.members.models import Institution, Node
from governance.chain import calls, confirmations, contracts, relay, waiting
from governance.chain.calls import Call
from governance.chain.errors import ConfirmationRefused, RelayFailed
from governance.chain.models import OnChainProposal, RegistryEntry, RelayTransaction
from governance.guardian.confirmation import Cancel, Freeze, body, signable
from tests.chain.world import GUARDIANS, World
from tests.factories import NodeFactory

OBSERVER = 1
REASON = "Its key was found on a stolen disk."
DAY = 24 * 3600


@pytest.fixture
def node(world: World, banks: list[Institution]) -> Node:
    """An observer of the first bank, entered in the founding."""
    made: Node = NodeFactory(institution=banks[0])
    world.found({made: OBSERVER})
    return made


def _freeze(world: World, node: Node, guardian: LocalAccount, **other: Any) -> dict[str, Any]:
    """The file that a guardian hands in."""
    glass = contracts.break_glass(world.ledger)
    freeze = Freeze(
        **{
            "chain_id": world.ledger.chain_id,
            "contract": world.ledger.break_glass,
            "reason": REASON,
            "guardian": str(guardian.address),
            "nonce": 0,
            "deadline": int(world.client.eth.get_block("latest")["timestamp"]) + DAY,
            "network": node.network_id,
            "consensus_id": node.consensus_id,
            **other,
        }
    )
    place = contracts.network_bytes(freeze.network), bytes.fromhex(freeze.consensus_id)
    key = glass.functions.freezeNonceKey(*place, freeze.reason_hash).call()
    freeze = Freeze(**{**vars(freeze), "nonce": glass.functions.nonces(guardian.address, key).call()})
    return body(freeze, _signature(freeze, guardian))


def _cancel(world: World, guardian: LocalAccount, action: Call, text: str) -> dict[str, Any]:
    glass, proposal_id = contracts.break_glass(world.ledger), world.id_of(action, text=text)
    cancel = Cancel(
        chain_id=world.ledger.chain_id,
        contract=world.ledger.break_glass,
        reason=REASON,
        guardian=str(guardian.address),
        nonce=0,
        deadline=int(world.client.eth.get_block("latest")["timestamp"]) + DAY,
        proposal_id=proposal_id,
        targets=[action.target],
        values=[action.value],
        calldatas=[action.data],
        description=world.described(text),
    )
    key = glass.functions.cancelNonceKey(proposal_id, cancel.reason_hash).call()
    cancel = Cancel(**{**vars(cancel), "nonce": glass.functions.nonces(guardian.address, key).call()})
    return body(cancel, _signature(cancel, guardian))


def _signature(confirmation: Freeze | Cancel, guardian: LocalAccount) -> str:
    return "0x" + bytes(guardian.sign_message(signable(confirmation)).signature).hex()


def test_two_files_freeze_a_node(world: World, node: Node, tmp_path: Path) -> None:
    for number, guardian in enumerate(GUARDIANS[:2]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(_freeze(world, node, guardian)), encoding="utf-8")
        told = StringIO()
        call_command("relay_confirmation", str(path), stdout=told)
        assert str(path) in told.getvalue()
        assert RelayTransaction.objects.latest("pk").status == relay.Status.MINED

    world.follow()
    entry = RegistryEntry.objects.get()
    assert entry.frozen_until is not None
    assert OnChainProposal.objects.get().proposer == world.ledger.break_glass


def test_the_same_file_twice_is_one_transaction(world: World, node: Node) -> None:
    content = _freeze(world, node, GUARDIANS[0])

    first, second = (confirmations.accept(world.ledger, content) for _ in range(2))

    assert first == second


def test_two_cancel_a_proposal(world: World, node: Node) -> None:
    action = calls.remove_node(world.ledger, network=node.network_id, consensus_id=node.consensus_id)
    world.opens(action, text="Remove it")
    for guardian in GUARDIANS[1:]:
        waiting.drive(confirmations.accept(world.ledger, _cancel(world, guardian, action, "Remove it")))

    world.follow()
    assert OnChainProposal.objects.get().canceled_at is not None


@pytest.mark.parametrize(
    "other",
    [{"chain_id": 1}, {"contract": "0x24c13c7f8EeE737B0FA09b26014E2eCB773cf521"}],
    ids=["another chain", "another contract"],
)
def test_one_for_another_alliance_is_refused(world: World, node: Node, other: dict[str, Any]) -> None:
    content = _freeze(world, node, GUARDIANS[0], **other)

    with pytest.raises(ConfirmationRefused):
        confirmations.accept(world.ledger, content)


def test_one_that_was_changed_on_the_way_is_refused(world: World, node: Node, tmp_path: Path) -> None:
    path = tmp_path / "changed.json"
    path.write_text(json.dumps({**_freeze(world, node, GUARDIANS[0]), "reason": "Another."}))

    with translation.override("en"), pytest.raises(CommandError, match="no guardian's confirmation"):
        call_command("relay_confirmation", str(path))

    assert not RelayTransaction.objects.filter(key__startswith="confirmation:").exists()


def test_what_the_contract_refuses_says_why_and_may_be_tried_again(world: World, node: Node) -> None:
    deadline = int(world.client.eth.get_block("latest")["timestamp"]) + DAY
    first, second = (_freeze(world, node, GUARDIANS[0], deadline=deadline + n) for n in range(2))
    waiting.drive(confirmations.accept(world.ledger, first))

    refused = confirmations.accept(world.ledger, second)
    with pytest.raises(RelayFailed, match="InvalidConfirmation"):
        waiting.drive(refused)

    again = confirmations.accept(world.ledger, second)
    assert again != refused
    assert again.status == relay.Status.WANTED
