"""What the ledger itself says at this moment, where a projection a second old will not do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BlockNotFound

from governance.chain import contracts
from governance.chain import ledger as gateway
from governance.chain.folds import block_moment
from governance.chain.models import Ledger
from governance.contracts import artifact

# States of the governor contract (OpenZeppelin, IGovernor.ProposalState).
CHAIN_PENDING, CHAIN_ACTIVE, CHAIN_SUCCEEDED, CHAIN_QUEUED = 0, 1, 4, 5


@dataclass(frozen=True)
class LedgerView:
    """A connection and the time that the governor would see if it were asked now."""

    client: Web3
    governor: Contract
    now: datetime
    ticks_per_second: int

    def state(self, proposal_id: int) -> int:
        """The governor's own state of the proposal, by its clock now."""
        return int(self.governor.functions.state(proposal_id).call(block_identifier="pending"))

    def effective_at(self, proposal_id: int) -> datetime:
        """When the timelock lets a queued proposal be executed."""
        moment = int(self.governor.functions.proposalEta(proposal_id).call())
        return datetime.fromtimestamp(moment / self.ticks_per_second, UTC)


def look(ledger: Ledger, governor: str) -> LedgerView:
    """Connect and read the ledger's clock; ``governor`` is the one that the proposal was opened with.

    Raises LedgerUnreachable, OtherLedger.
    """
    client = gateway.web3(ledger)
    contract = client.eth.contract(
        address=Web3.to_checksum_address(governor), abi=artifact(contracts.GOVERNOR)["abi"]
    )
    return LedgerView(client, contract, _now(client), ledger.ticks_per_second)


def _now(client: Web3) -> datetime:
    """The timestamp of the block in the making: an idle ledger's last one may be hours old."""
    try:
        block = client.eth.get_block("pending")
    except BlockNotFound:
        block = client.eth.get_block("latest")
    return block_moment(block["timestamp"])
