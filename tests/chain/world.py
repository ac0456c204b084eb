"""A small alliance on a ledger of its own, as the chain's tests see it, and short words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import transaction
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import TxReceipt

from consortium.core import outbox
from consortium.members.models import Institution
from consortium.stack.embedded import EmbeddedLedger
from governance.ballot import typed_data
from governance.chain import calls, contracts, deployment, founding, indexer, relay, waiting
from governance.chain.calls import Call
from governance.chain.models import (
    AccountPermission,
    CastVote,
    ChainEvent,
    Governor,
    IndexedBlock,
    Ledger,
    OnChainProposal,
    RegistryEntry,
    RelayTransaction,
    Seat,
    VotingRule,
)
from tests.factories import voter_of

FOR, AGAINST, ABSTAIN = 1, 0, 2
GUARDIANS = [
    Account.from_key((10**19 + n).to_bytes(32, "big")) for n in range(3)
]  # keys that they would hold
PASSPHRASE = "nine words that open the relay account's key"
ROWS = (
    ChainEvent, Seat, OnChainProposal, CastVote, RegistryEntry, AccountPermission, VotingRule, Governor
)  # fmt: skip


class World:
    """The ledger's row, a client, and the anvil behind it, whose clock the tests turn."""

    def __init__(self, anvil: EmbeddedLedger, passphrase_file: Path) -> None:
        self.anvil = anvil
        self.passphrase_file = passphrase_file
        self.client = Web3(HTTPProvider(anvil.url))
        self.ledger: Ledger = deployment.deploy(passphrase_file)

    # --- The ledger itself
    def rpc(self, method: str, *arguments: Any) -> Any:
        answer = self.client.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    @staticmethod
    def rpc_at(url: str, method: str, *arguments: Any) -> Any:
        return Web3(HTTPProvider(url)).provider.make_request(method, list(arguments))["result"]  # type: ignore[arg-type]

    def pass_time(self, seconds: int) -> None:
        """Turn the ledger's clock and mine a block."""
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    def mine(self, blocks: int = 1) -> None:
        self.rpc("anvil_mine", hex(blocks))

    @property
    def height(self) -> int:
        return int(self.client.eth.block_number)

    @property
    def seats(self) -> Contract:
        return contracts.seats(self.ledger)

    @property
    def governor(self) -> Contract:
        return contracts.governor(self.ledger)

    @property
    def registry(self) -> Contract:
        return contracts.registry(self.ledger)

    # --- What the console does
    def found(self, nodes: dict[Any, int] | None = None) -> None:
        founding.found_alliance(self.ledger, nodes=nodes or {})

    def wants(self, key: str, call: Call) -> RelayTransaction:
        with transaction.atomic():
            return relay.want(self.ledger, key=key, to=call.target, data=call.data)

    def sends(self, key: str, call: Call) -> RelayTransaction:
        """Relayed and mined; not indexed."""
        return waiting.done(self.ledger, key, call)

    def work(self) -> None:
        """What the chain worker does when it is nudged."""
        outbox.drain("chain")

    def follow(self) -> int:
        return indexer.follow(self.ledger)

    # --- What members decide
    def opens(self, *actions: Call, text: str = "A decision") -> int:
        """A proposal on the ledger, a second old, so that ballots are taken."""
        self.sends(f"open:{text}", calls.propose(self.ledger, list(actions), self.described(text)))
        self.pass_time(2)
        return self.id_of(*actions, text=text)

    def described(self, text: str, proposer: str = "") -> str:
        """A description as the governor takes it."""
        governor = f"#governor=eip155:{self.ledger.chain_id}:{self.ledger.governor}"
        return f"{text}\n{governor}\n#proposer={proposer or self.ledger.relay_address}"

    def id_of(self, *actions: Call, text: str) -> int:
        return calls.proposal_id(list(actions), self.described(text))

    def queues(self, *actions: Call, text: str) -> RelayTransaction:
        return self.sends(f"queue:{text}", calls.queue(self.ledger, list(actions), self.described(text)))

    def executes(self, *actions: Call, text: str) -> RelayTransaction:
        return self.sends(f"effect:{text}", calls.execute(self.ledger, list(actions), self.described(text)))

    def carries_out(self, *actions: Call, text: str = "A decision") -> None:
        """What has passed is queued, and executed when the timelock lets it."""
        self.queues(*actions, text=text)
        self.pass_time(self.timelock_delay + 1)
        self.executes(*actions, text=text)

    def ballot(
        self, bank: Institution, proposal: int, support: int = FOR, voter: LocalAccount | None = None
    ) -> Call:
        """A ballot, signed with the bank's own key."""
        account = voter or voter_of(bank)
        ballot = typed_data.Ballot(
            chain_id=self.ledger.chain_id,
            governor=self.ledger.governor,
            proposal_id=proposal,
            support=support,
            voter=account.address,
            nonce=(proposal % 2**192) << 64,
        )
        signature = typed_data.sign(ballot, account)
        return calls.cast_vote_by_sig(
            self.ledger, proposal_id=proposal, support=support, voter=account.address, signature=signature
        )

    def votes(self, bank: Institution, proposal: int, support: int = FOR) -> RelayTransaction:
        return self.sends(f"vote:{bank.uscc}:{proposal}", self.ballot(bank, proposal, support))

    def all_vote(self, banks: list[Institution], proposal: int) -> None:
        """All five, so that it is not decided before the last of them has voted."""
        for bank, support in zip(banks, (FOR, ABSTAIN, ABSTAIN, AGAINST, FOR), strict=True):
            self.votes(bank, proposal, support)

    def decides(self, *actions: Call, banks: list[Institution], text: str = "A decision") -> int:
        """Opened, voted for by ``banks``, queued after the period, executed."""
        proposal = self.opens(*actions, text=text)
        for bank in banks:
            self.votes(bank, proposal)
        self.pass_time(self.period + 1)
        self.carries_out(*actions, text=text)
        return proposal

    @property
    def timelock_delay(self) -> int:
        return int(contracts.timelock(self.ledger).functions.getMinDelay().call())

    @property
    def period(self) -> int:
        return int(self.governor.functions.votingPeriod().call())

    def anybody_sends(self, call: Call) -> TxReceipt:
        """Not through the console: a member's own way to the ledger."""
        return self.from_account(Account.create(), call)

    def bank_sends(self, bank: Institution, call: Call) -> TxReceipt:
        """Straight from the bank's own key, as nothing of the console's would write it."""
        return self.from_account(voter_of(bank), call)

    def from_account(self, account: LocalAccount, call: Call) -> TxReceipt:
        fields = {"to": call.target, "data": call.data, "gas": 25_000_000, "gasPrice": 0, "value": 0}
        nonce = self.client.eth.get_transaction_count(account.address)
        fields |= {"nonce": nonce, "chainId": self.ledger.chain_id}
        sent = self.client.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
        return self.client.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.01)


def rows(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """All that is computed from the ledger, but for the rows' ids; block marks and who governs too."""
    found = {model.__name__: _columns(model, ledger) for model in ROWS}
    ledger.refresh_from_db()
    found["in office"] = [{"governor": ledger.governor, "break_glass": ledger.break_glass}]
    newest = IndexedBlock.objects.filter(ledger=ledger).first()
    found["newest"] = [{"number": newest.number, "hash": newest.hash}] if newest else []
    return found


def _columns(model: Any, ledger: Ledger) -> list[dict[str, Any]]:
    listed = [
        {name: value for name, value in row.items() if name != "id"}
        for row in model.objects.filter(ledger=ledger).values()
    ]
    return sorted(listed, key=repr)
