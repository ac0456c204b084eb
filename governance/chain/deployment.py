"""Putting the three contracts on the ledger, once.

The ledger's row is there from the beginning, marked as being deployed; each contract is a relayed transaction
with a key of its own. So a run that was cut off is finished by the next one, and none deploys twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from web3 import Web3

from consortium.core import events
from governance.chain import indexer, keys, waiting
from governance.chain import ledger as gateway
from governance.chain.calls import Call
from governance.chain.contracts import GOVERNOR, REGISTRY, SEATS
from governance.chain.errors import (
    LedgerUnreachable,
    OtherLedger,
    RelayAccountEmpty,
    RelayKeyNotAvailable,
)
from governance.chain.models import Ledger, RelayTransaction
from governance.contracts import artifact

PATIENCE = 60.0  # seconds to wait for a ledger that is starting
PAUSE = 0.1
DEVELOPMENT_FUNDS = 10**21  # wei

Say = Callable[[str], None]


def deploy(passphrase_file: Path, *, say: Say = lambda line: None) -> Ledger:
    """The governing ledger with its three contracts; what is there already stays as it is.

    ``passphrase_file`` opens the relay account, or seals it when it is made. Raises LedgerUnreachable,
    OtherLedger, RelayAccountEmpty, RelayKeyNotAvailable, RelayFailed.
    """
    client = _reach()
    ledger = _row(client, _account(passphrase_file))
    if ledger.deploying:
        _fund(client, ledger.relay_address)
        with keys.opened_with(passphrase_file):
            _deploy_all(client, ledger, say)
    _check_code(client, ledger)
    indexer.follow(ledger)
    return ledger


def _reach() -> Web3:
    """Wait for a ledger that is still starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client = gateway.connect()
            gateway.genesis_hash(client)
            return client
        except LedgerUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def _account(passphrase_file: Path) -> str:
    """The relay account; made once, and not again when its key is lost: the contracts know the old one."""
    known = Ledger.objects.values_list("relay_address", flat=True).first()
    address = keys.account(passphrase_file).address if known else keys.create(passphrase_file)
    if known not in {None, address}:
        raise RelayKeyNotAvailable(detail=f"{keys.key_file()}: {address} ≠ {known}")
    return address


def _row(client: Web3, address: str) -> Ledger:
    fields = {
        "chain_id": client.eth.chain_id,
        "genesis_hash": gateway.genesis_hash(client),
        "relay_address": address,
        "start_block": client.eth.block_number,
        "deploying": True,
    }
    ledger, _ = Ledger.objects.get_or_create(slug=gateway.SLUG, defaults=fields)
    gateway.web3(ledger)  # refuses another chain than the one in the row
    return ledger


def _deploy_all(client: Web3, ledger: Ledger, say: Say) -> None:
    ledger.seats = _contract(client, ledger, SEATS)
    say(f"Seats {ledger.seats}")
    period = (settings.VOTING_DELAY, settings.VOTING_PERIOD, settings.QUORUM_PERCENT)
    ledger.governor = _contract(client, ledger, GOVERNOR, ledger.seats, *period, ledger.relay_address)
    say(f"ConsortiumGovernor {ledger.governor}")
    ledger.registry = _contract(client, ledger, REGISTRY, ledger.seats, ledger.governor)
    say(f"NodeRegistry {ledger.registry}")
    ledger.deploying = False
    with transaction.atomic():
        ledger.save()
        events.record(
            "ledger.deployed",
            ledger,
            actor=events.COMMAND,
            seats=ledger.seats,
            governor=ledger.governor,
            registry=ledger.registry,
        )


def _contract(client: Web3, ledger: Ledger, name: str, *arguments: Any) -> str:
    """The address of the contract, deployed now or by an earlier run."""
    compiled = artifact(name)
    factory = client.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    data = str(factory.constructor(*arguments).data_in_transaction)
    row = waiting.done(ledger, f"deploy:{name}", Call("", 0, data))
    return _address(client, row)


def _address(client: Web3, row: RelayTransaction) -> str:
    receipt = client.eth.get_transaction_receipt(row.tx_hash)  # type: ignore[arg-type]
    return str(receipt["contractAddress"])


def _fund(client: Web3, address: str) -> None:
    """Where gas costs something the account needs funds; an embedded ledger gives them."""
    account = Web3.to_checksum_address(address)
    if client.eth.gas_price == 0 or client.eth.get_balance(account) > 0:
        return
    if not (settings.DEVELOPMENT and "anvil" in client.client_version.lower()):
        raise RelayAccountEmpty(address=address)
    client.provider.make_request("anvil_setBalance", [account, hex(DEVELOPMENT_FUNDS)])  # type: ignore[arg-type]


def _check_code(client: Web3, ledger: Ledger) -> None:
    for name in ("seats", "governor", "registry"):
        address = Web3.to_checksum_address(getattr(ledger, name))
        if not client.eth.get_code(address):
            raise OtherLedger(what=f"{name} contract", actual="–", expected=address)
