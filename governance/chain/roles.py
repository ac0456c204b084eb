"""Who holds a role in the timelock: whoever does has a power over everything that the members decide.

The contract can be asked about one account at a time only. Its events name them all, so they are read from
the ledger's first block on, past whatever the console has stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from hexbytes import HexBytes
from web3 import Web3
from web3.types import LogReceipt

from governance.chain import calls
from governance.chain import ledger as gateway
from governance.chain.contracts import (
    ADMIN_ROLE,
    CANCELLER_ROLE,
    EXECUTOR_ROLE,
    GOVERNORS_ROLES,
    PROPOSER_ROLE,
)
from governance.chain.models import Ledger

_NAMES = {
    ADMIN_ROLE: "DEFAULT_ADMIN_ROLE",
    PROPOSER_ROLE: "PROPOSER_ROLE",
    CANCELLER_ROLE: "CANCELLER_ROLE",
    EXECUTOR_ROLE: "EXECUTOR_ROLE",
}
_GRANTED, _REVOKED = (
    Web3.keccak(text=f"Role{what}(bytes32,address,address)").to_0x_hex() for what in ("Granted", "Revoked")
)


@dataclass(frozen=True, order=True)
class Holding:
    """A role (0x-hex) and who holds it (EIP-55); the zero address is anybody."""

    role: str
    account: str

    def __str__(self) -> str:
        who = "anybody" if self.account == calls.NOBODY else self.account
        return f"{_NAMES.get(self.role, self.role)} {who}"


def holdings(ledger: Ledger) -> set[Holding]:
    """By the timelock's events up to the newest block. Raises LedgerUnreachable, OtherLedger."""
    client = gateway.web3(ledger)
    size = max(1, ledger.log_range or settings.LEDGER_LOG_RANGE)
    return fold(_logs(client, ledger.timelock, client.eth.block_number, size))


def proper(ledger: Ledger) -> set[Holding]:
    """As it should be: the governor in office has the powers, and the timelock alone gives them."""
    own = Holding(ADMIN_ROLE, ledger.timelock)
    return {own, *(Holding(role, ledger.governor) for role in GOVERNORS_ROLES)}


def fold(logs: Iterable[LogReceipt]) -> set[Holding]:
    """What these events, in order, amount to."""
    found: set[Holding] = set()
    for log in logs:
        what, role, account = (HexBytes(topic).to_0x_hex() for topic in log["topics"][:3])
        holding = Holding(role, str(Web3.to_checksum_address("0x" + account[-40:])))
        if what == _GRANTED:
            found.add(holding)
        else:
            found.discard(holding)
    return found


def _logs(client: Web3, timelock: str, last: int, size: int) -> Iterator[LogReceipt]:
    for first in range(0, last + 1, size):
        yield from client.eth.get_logs(
            {
                "address": Web3.to_checksum_address(timelock),
                "fromBlock": first,
                "toBlock": min(first + size - 1, last),
                "topics": [[_GRANTED, _REVOKED]],
            }
        )
