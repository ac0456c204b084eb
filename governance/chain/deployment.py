"""Putting the contracts on the ledger and wiring them, once.

The ledger's row is there from the beginning, marked as being deployed; each contract is a relayed transaction
with a key of its own. So a run that was cut off is finished by the next one, and none deploys twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from web3 import Web3

from consortium.core import events
from governance.chain import calls, indexer, keys, waiting
from governance.chain import ledger as gateway
from governance.chain.calls import Call
from governance.chain.contracts import ANCHORS, BREAK_GLASS, GOVERNOR, REGISTRY, SEATS, TIMELOCK
from governance.chain.errors import (
    EarlierContracts,
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

PARTS = {
    "seats": SEATS,
    "timelock": TIMELOCK,
    "registry": REGISTRY,
    "governor": GOVERNOR,
    "break_glass": BREAK_GLASS,
    "anchors": ANCHORS,
}

Say = Callable[[str], None]


def deploy(passphrase_file: Path, *, guardians: Sequence[str] = (), say: Say = lambda line: None) -> Ledger:
    """The governing ledger with its contracts; what is there already stays as it is.

    ``passphrase_file`` opens the relay account, or seals it when it is made. ``guardians`` may break the
    glass; without any (nor in GUARDIANS) there is no glass to break. Raises LedgerUnreachable, OtherLedger,
    EarlierContracts, RelayAccountEmpty, RelayKeyNotAvailable, RelayFailed.
    """
    client = _reach()
    ledger = _row(client, _account(passphrase_file))
    if ledger.deploying:
        _fund(client, ledger.relay_address)
        with keys.opened_with(passphrase_file):
            _deploy_all(client, ledger, guardians or settings.GUARDIANS, say)
    if not ledger.timelock:
        raise EarlierContracts(address=ledger.governor)
    _check_code(client, ledger)
    indexer.follow(ledger)
    return ledger


def deploy_anchors(passphrase_file: Path, *, say: Say = lambda line: None) -> Ledger:
    """Add the anchors' contract to an alliance that was founded without one; harmless when it is there.

    Raises NoLedger, RelayKeyNotAvailable, RelayFailed, and what :func:`deploy` raises of the ledger.
    """
    ledger = gateway.current()
    if not ledger.anchors:
        client = gateway.web3(ledger)
        with keys.opened_with(passphrase_file):
            ledger.anchors = _anchors(client, ledger)
        with transaction.atomic():
            ledger.save(update_fields=["anchors"])
            events.record("ledger.deployed", ledger, actor=events.COMMAND, anchors=ledger.anchors)
    say(f"{ANCHORS} {ledger.anchors}")
    return ledger


def successor(ledger: Ledger, *, name: str, terms: tuple[Any, ...] | None = None) -> str:
    """The address of another governor over the same seats, registry and timelock; it has no power yet.

    ``name`` tells it from others: a second run finds the one of the first. ``terms``, the contract's
    ``Settings``, are by default those of the settings as they are now. It takes over when members vote for
    :func:`governance.chain.calls.hand_over`.
    """
    client, key = gateway.web3(ledger), f"successor:{name}"
    arguments = (ledger.seats, ledger.registry, terms or _terms(ledger))
    return _contract(client, ledger, GOVERNOR, *arguments, key=key)


def successors_guardians(
    ledger: Ledger, *, name: str, governor: str, guardians: Sequence[str], threshold: int
) -> str:
    """The address of a guardians' contract for the governor that was deployed under the same ``name``."""
    client, key = gateway.web3(ledger), f"successor:{name}:break_glass"
    arguments = (ledger.registry, governor, list(guardians), threshold)
    return _contract(client, ledger, BREAK_GLASS, *arguments, key=key)


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


def _deploy_all(client: Web3, ledger: Ledger, guardians: Sequence[str], say: Say) -> None:
    """Each contract, then who obeys whom; last, the relay account gives up its power over the timelock."""
    ledger.ticks_per_second = ticks = gateway.ticks_per_second(client)
    nobody_yet: list[str] = []
    delay = settings.TIMELOCK_DELAY * ticks
    ledger.seats = _contract(client, ledger, SEATS, ticks)
    ledger.timelock = _contract(client, ledger, TIMELOCK, delay, nobody_yet, nobody_yet, ledger.relay_address)
    ledger.registry = _contract(client, ledger, REGISTRY, ledger.seats, ledger.timelock)
    terms = _terms(ledger)
    ledger.governor = _contract(client, ledger, GOVERNOR, ledger.seats, ledger.registry, terms)
    ledger.first_governor = ledger.governor
    if guardians:
        who = (list(guardians), settings.GUARDIAN_THRESHOLD)
        ledger.break_glass = _contract(client, ledger, BREAK_GLASS, ledger.registry, ledger.governor, *who)
    ledger.anchors = _anchors(client, ledger)
    _wire(ledger)
    ledger.deploying = False
    addresses: dict[str, Any] = {name: getattr(ledger, name) for name in PARTS if getattr(ledger, name)}
    for name, address in addresses.items():
        say(f"{PARTS[name]} {address}")
    with transaction.atomic():
        ledger.save()
        events.record("ledger.deployed", ledger, actor=events.COMMAND, **addresses)


def _anchors(client: Web3, ledger: Ledger) -> str:
    """Written by the relay account; another one only if the members say so."""
    return _contract(client, ledger, ANCHORS, ledger.timelock, ledger.relay_address)


def _wire(ledger: Ledger) -> None:
    wanted = [*(calls.set_guardian(ledger) if ledger.break_glass else []), *calls.appoint(ledger)]
    for number, call in enumerate(wanted, start=1):
        waiting.done(ledger, f"wire:{number}", call)


def _terms(ledger: Ledger) -> tuple[Any, ...]:
    """The governor's ``Settings``, in seconds; the guardians' contract is named afterwards."""
    rules = [_rule(settings.VOTING_RULES[kind]) for kind in ("routine", "membership", "constitutional")]
    times = (settings.VOTING_DELAY, settings.VOTING_PERIOD, settings.LATE_QUORUM_EXTENSION)
    return (*times, rules, ledger.relay_address, ledger.timelock, calls.NOBODY)


def _rule(rule: Mapping[str, Any]) -> tuple[int, ...]:
    return (*rule["quorum"], *rule["approval"], rule["categories"])


def _contract(client: Web3, ledger: Ledger, name: str, *arguments: Any, key: str = "") -> str:
    """The address of the contract, deployed now or by an earlier run."""
    compiled = artifact(name)
    factory = client.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    data = str(factory.constructor(*arguments).data_in_transaction)
    row = waiting.done(ledger, key or f"deploy:{name}", Call("", 0, data))
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
    for name in PARTS:
        address = getattr(ledger, name)
        if address and not client.eth.get_code(Web3.to_checksum_address(address)):
            raise OtherLedger(what=f"{name.replace('_', '-')} contract", actual="–", expected=address)
