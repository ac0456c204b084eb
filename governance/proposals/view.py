"""What the ledger itself says at this moment, where a projection a second old will not do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BlockNotFound

from governance.chain import contracts
from governance.chain import ledger as gateway
from governance.chain.models import Ledger

# States of the governor contract (OpenZeppelin, IGovernor.ProposalState).
CHAIN_PENDING, CHAIN_ACTIVE, CHAIN_SUCCEEDED = 0, 1, 4


@dataclass(frozen=True)
class LedgerView:
    """A connection and the time that the governor would see if it were asked now."""

    client: Web3
    governor: Contract
    now: datetime

    def weight(self, voter: str, snapshot: datetime) -> int:
        """Votes of ``voter`` at a moment that is past."""
        call = self.governor.functions.getVotes(voter, int(snapshot.timestamp()))
        return int(call.call(block_identifier="pending"))

    def has_voted(self, proposal_id: int, voter: str) -> bool:
        return bool(self.governor.functions.hasVoted(proposal_id, voter).call())

    def nonce(self, voter: str) -> int:
        """The number that the voter's next ballot must carry."""
        return int(self.governor.functions.nonces(voter).call())

    def state(self, proposal_id: int) -> int:
        """The governor's own state of the proposal, by its clock now."""
        return int(self.governor.functions.state(proposal_id).call(block_identifier="pending"))


def look(ledger: Ledger) -> LedgerView:
    """Connect and read the ledger's clock. Raises LedgerUnreachable, OtherLedger."""
    client = gateway.web3(ledger)
    return LedgerView(client, contracts.governor(ledger, client), _now(client))


def _now(client: Web3) -> datetime:
    """The timestamp of the block in the making: an idle ledger's last one may be hours old."""
    try:
        block = client.eth.get_block("pending")
    except BlockNotFound:
        block = client.eth.get_block("latest")
    return datetime.fromtimestamp(block["timestamp"], UTC)
