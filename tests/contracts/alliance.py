"""An alliance on a ledger, as these tests see it: banks with keys, and short words for what they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractCustomError
from web3.types import TxReceipt

from governance.contracts import artifact
from governance.contracts.errors import Refusal, decode

NONE, ACTIVE, SUSPENDED = 0, 1, 2
AGAINST, FOR, ABSTAIN = 0, 1, 2
PENDING, OPEN, CANCELED, DEFEATED, SUCCEEDED, QUEUED, EXECUTED = 0, 1, 2, 3, 4, 5, 7
ROUTINE, MEMBERSHIP, CONSTITUTIONAL = 0, 1, 2
OBSERVER, SEALER = 1, 2

DELAY, PERIOD, EXTENSION, WAIT = 60, 3600, 600, 300  # seconds; WAIT is the timelock's
# Quorum and approval, as numerator and denominator, and categories with a majority of their own; by kind.
RULES = ((1, 3, 1, 2, 0), (1, 2, 2, 3, 3), (2, 3, 3, 4, 4))
NOBODY = "0x" + "0" * 40

BALLOT = {
    "Ballot": [
        {"name": "proposalId", "type": "uint256"},
        {"name": "support", "type": "uint8"},
        {"name": "voter", "type": "address"},
        {"name": "nonce", "type": "uint256"},
    ]
}


def padded(text: str) -> bytes:
    """ASCII on the left, zeros on the right, 32 bytes."""
    return text.encode("ascii").ljust(32, b"\0")


def person(name: str) -> LocalAccount:
    """Somebody with a key of their own, the same in every run."""
    account: LocalAccount = Account.from_key(Web3.keccak(text=f"key of {name}"))
    return account


@dataclass(frozen=True)
class Bank:
    """A member institution: its name, its Unified Social Credit Code, its category, its voting key."""

    name: str
    uscc: str
    category: int

    @property
    def id(self) -> bytes:
        return padded(self.uscc)

    @property
    def key(self) -> LocalAccount:
        return person(self.name)

    @property
    def voter(self) -> str:
        return str(self.key.address)

    @property
    def seat(self) -> tuple[bytes, int, str]:
        return self.id, self.category, self.voter


WANGCHAO = Bank("Wangchao Bank", "914403006M9L0WJKK8", 1)
DONGLI = Bank("Dongli Rural Commercial Bank", "91440300YRRHEUPDXN", 1)
QIONGTAI = Bank("Qiongtai Private Bank", "91440300RJT6ADWCUA", 2)
HAITANG = Bank("Haitang Securities", "91310000HT5Q8RWK2C", 3)
YUNFAN = Bank("Yunfan Insurance", "91110000YF7N3BXM6D", 6)
FOUNDERS = (WANGCHAO, DONGLI, QIONGTAI, HAITANG, YUNFAN)

LANTIAN = Bank("Lantian Trust", "91330100LT4P6GHE9F", 4)  # no founding member

# Twelve in all six categories, nearly half of them in the first: 5, 2, 2, 1, 1, 1.
COUNCIL = tuple(
    Bank(f"Councillor {number}", f"91440300C{number:09d}", category)
    for number, category in enumerate((1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6))
)

GUARDIANS = tuple(person(name) for name in ("Guardian Gu", "Guardian He", "Guardian Ma"))
GUARDIANS_NEEDED = 2
ADMIN_ROLE = bytes(32)
PROPOSER_ROLE, CANCELLER_ROLE, EXECUTOR_ROLE = GOVERNORS_ROLES = tuple(
    bytes(Web3.keccak(text=name)) for name in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
)

SECRETARIAT = str(person("the secretariat's relay").address)
FOUNDER = str(person("the founder").address)
MALLORY = person("Mallory")


class Outlook(NamedTuple):
    """What the governor says of a vote that is under way."""

    passes: bool
    possible: bool
    decided: bool
    quorum_missing: int
    approval_missing: int
    categories_missing: int


@dataclass(frozen=True)
class Proposal:
    """What a proposal does, and its id."""

    targets: list[str]
    calls: list[str]
    description: str
    id: int = 0

    @property
    def content(self) -> tuple[list[str], list[int], list[str]]:
        return self.targets, [0] * len(self.targets), self.calls

    @property
    def executable(self) -> tuple[list[str], list[int], list[str], bytes]:
        return (*self.content, bytes(Web3.keccak(text=self.description)))


@dataclass
class Alliance:
    """Seats, governor, timelock, registry and the guardians' contract on one ledger."""

    ledger: Web3
    seats: Contract
    timelock: Contract
    registry: Contract
    governor: Contract
    break_glass: Contract
    drafts: int = field(default=0)

    @classmethod
    def deployed(cls, ledger: Web3, *, ticks: int = 1, wait: int = WAIT, **settings: Any) -> Alliance:
        """All contracts, the founding still open. `ticks` of the clock a second; for `settings` see there."""
        seats = deploy(ledger, "Seats", ticks)
        timelock = deploy(ledger, "TimelockController", wait * ticks, [], [], FOUNDER)
        registry = deploy(ledger, "NodeRegistry", seats.address, timelock.address)
        arguments = seats.address, registry.address, governor_settings(timelock, **settings)
        governor = deploy(ledger, "ConsortiumGovernor", *arguments)
        guardians = [guardian.address for guardian in GUARDIANS]
        break_glass = deploy(
            ledger, "BreakGlass", registry.address, governor.address, guardians, GUARDIANS_NEEDED
        )
        return cls(ledger, seats, timelock, registry, governor, break_glass)

    @classmethod
    def established(cls, ledger: Web3, *banks: Bank, **settings: Any) -> Alliance:
        """The founding members have their seats, and the founder is gone."""
        alliance = cls.deployed(ledger, **settings)
        alliance.found(*(banks or FOUNDERS))
        alliance.hand_over()
        alliance.send(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)
        return alliance

    def hand_over(self) -> None:
        """The governor and the guardians get their powers, and the founder gives up the timelock."""
        timelock, governor = self.timelock.functions, self.governor.address
        for role in GOVERNORS_ROLES:
            self.send(timelock.grantRole(role, governor), FOUNDER)
        self.send(timelock.renounceRole(ADMIN_ROLE, FOUNDER), FOUNDER)
        self.send(self.governor.functions.setProposalGuardian(self.break_glass.address), FOUNDER)
        self.send(self.registry.functions.setGuardian(self.break_glass.address), FOUNDER)

    def found(self, *banks: Bank) -> TxReceipt:
        ids, categories, voters = zip(*(bank.seat for bank in banks), strict=True)
        return self.send(self.seats.functions.found(ids, categories, voters), FOUNDER)

    # Transactions and refusals

    def send(self, call: ContractFunction, sender: str) -> TxReceipt:
        """Send, and insist that it was carried out."""
        receipt = sent(self.ledger, call.transact({"from": sender, "gas": 8_000_000, "gasPrice": 0}))
        assert receipt["status"] == 1, call.fn_name
        return receipt

    def rule(self, call: ContractFunction) -> TxReceipt:
        """Send in the timelock's name, for tests of what happens after a vote."""
        return self.send(call, self.timelock.address)

    def refusal(self, call: ContractFunction, sender: str, *, block: Any = "pending") -> Refusal:
        """The typed error with which `call` is refused, one block from now unless told otherwise."""
        with pytest.raises(ContractCustomError) as caught:
            call.call({"from": sender}, block_identifier=block)
        data = caught.value.data
        assert isinstance(data, str)
        refusal = decode(data)
        assert refusal is not None, data
        return refusal

    # Time

    @property
    def now(self) -> int:
        """The latest block's timestamp."""
        return self.ledger.eth.get_block("latest")["timestamp"]

    def next_block_at(self, timestamp: int) -> None:
        """The next transaction's block carries this timestamp."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    def mine_at(self, timestamp: int) -> None:
        """An empty block with this timestamp."""
        self.next_block_at(timestamp)
        self.rpc("evm_mine")

    def together_at(self, timestamp: int, *calls: tuple[ContractFunction, str]) -> list[int]:
        """Send all in one block with this timestamp, in this order; each one's status, 1 for carried out."""
        self.rpc("evm_setAutomine", False)
        try:
            hashes = [
                call.transact({"from": sender, "gas": 1_000_000, "gasPrice": 0}) for call, sender in calls
            ]
            self.mine_at(timestamp)
        finally:
            self.rpc("evm_setAutomine", True)
        receipts = [sent(self.ledger, transaction) for transaction in hashes]
        assert len({receipt["blockNumber"] for receipt in receipts}) == 1
        assert [receipt["transactionIndex"] for receipt in receipts] == list(range(len(calls)))
        return [receipt["status"] for receipt in receipts]

    def rpc(self, method: str, *arguments: Any) -> Any:
        answer = self.ledger.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    # Proposals and ballots

    def draft(self, *calls: ContractFunction, description: str = "", sender: str = SECRETARIAT) -> Proposal:
        """Bound to this governor and to `sender`, unless there is a description that is not."""
        self.drafts += 1
        text = description or f"Proposal {self.drafts}\n{self.binding(sender)}"
        proposal = Proposal([call.address for call in calls], [encoded(call) for call in calls], text)
        number = self.governor.functions.hashProposal(*proposal.executable).call()
        return Proposal(proposal.targets, proposal.calls, text, number)

    def binding(self, sender: str) -> str:
        """How a description ends that this governor takes from `sender`."""
        return f"#governor=eip155:{self.ledger.eth.chain_id}:{self.governor.address}\n#proposer={sender}"

    def proposing(self, proposal: Proposal) -> ContractFunction:
        return self.governor.functions.propose(*proposal.content, proposal.description)

    def propose(self, *calls: ContractFunction, sender: str = SECRETARIAT) -> Proposal:
        proposal = self.draft(*calls, sender=sender)
        self.send(self.proposing(proposal), sender)
        return proposal

    def admission(self, bank: Bank, *, name: str = "first node", role: int = OBSERVER) -> ContractFunction:
        """A routine matter: a node of the bank's takes part in the network `settlement-main`."""
        node = person(f"{bank.name}'s {name}")._key_obj.public_key.to_bytes()
        return self.registry.functions.setRole(padded("settlement-main"), node, bank.id, role)

    def opened(self, *calls: ContractFunction) -> Proposal:
        """A proposal that can be voted on now."""
        proposal = self.propose(*calls)
        self.mine_at(self.snapshot(proposal) + 1)
        return proposal

    def passed(self, *calls: ContractFunction) -> Proposal:
        """A proposal for which so many members have voted that no other could stop it."""
        proposal = self.opened(*calls)
        for bank in FOUNDERS:
            if self.state(proposal) == OPEN:
                self.cast(bank, proposal, FOR)
        assert self.state(proposal) == SUCCEEDED
        return proposal

    def queued(self, *calls: ContractFunction) -> Proposal:
        """A proposal that has passed, and whose time in the timelock is over."""
        proposal = self.passed(*calls)
        self.queue(proposal)
        self.wait(proposal)
        return proposal

    def close(self, proposal: Proposal) -> None:
        self.mine_at(self.deadline(proposal) + 1)

    def decide(self, *calls: ContractFunction) -> TxReceipt:
        """Propose, vote, queue, wait, execute."""
        return self.execute(self.queued(*calls))

    def queue(self, proposal: Proposal, *, sender: str = SECRETARIAT) -> TxReceipt:
        return self.send(self.queuing(proposal), sender)

    def queuing(self, proposal: Proposal) -> ContractFunction:
        return self.governor.functions.queue(*proposal.executable)

    def wait(self, proposal: Proposal) -> None:
        """Until the timelock's delay is over."""
        self.mine_at(self.effective(proposal))

    def executing(self, proposal: Proposal) -> ContractFunction:
        return self.governor.functions.execute(*proposal.executable)

    def execute(self, proposal: Proposal, *, sender: str = SECRETARIAT) -> TxReceipt:
        return self.send(self.executing(proposal), sender)

    def sign(self, bank: Bank, proposal: Proposal, support: int, **wrong: Any) -> bytes:
        """The member's signature under its EIP-712 ballot; `wrong` replaces key, nonce, chain, contract."""
        nonce = wrong.get("nonce", ballot_nonce(proposal))
        domain = {
            "name": "Consortium Governor",
            "version": "1",
            "chainId": wrong.get("chain", self.ledger.eth.chain_id),
            "verifyingContract": wrong.get("contract", self.governor.address),
        }
        message = {"proposalId": proposal.id, "support": support, "voter": bank.voter, "nonce": nonce}
        key = wrong.get("key", bank.key)
        return bytes(Account.sign_typed_data(key.key, domain, BALLOT, message).signature)

    def casting(
        self, bank: Bank, proposal: Proposal, support: int, signature: bytes | None = None
    ) -> ContractFunction:
        signature = self.sign(bank, proposal, support) if signature is None else signature
        return self.governor.functions.castVoteBySig(proposal.id, support, bank.voter, signature)

    def cast(self, bank: Bank, proposal: Proposal, support: int) -> TxReceipt:
        """The member signs, the secretariat relays."""
        return self.send(self.casting(bank, proposal, support), SECRETARIAT)

    # Reading

    def seat(self, bank: Bank) -> tuple[int, str, int]:
        category, voter, status = self.seats.functions.seatOf(bank.id).call()
        return category, voter, status

    def weight(self, address: str) -> int:
        return int(self.seats.functions.getVotes(address).call())

    def state(self, proposal: Proposal) -> int:
        """As of the latest block."""
        return int(self.governor.functions.state(proposal.id).call())

    def tally(self, proposal: Proposal) -> tuple[int, int, int]:
        """Against, for, abstain."""
        against, favour, abstain = self.governor.functions.proposalVotes(proposal.id).call()
        return against, favour, abstain

    def outlook(self, proposal: Proposal) -> Outlook:
        """As of the latest block."""
        return Outlook(*self.governor.functions.outlook(proposal.id).call())

    def snapshot(self, proposal: Proposal) -> int:
        return int(self.governor.functions.proposalSnapshot(proposal.id).call())

    def deadline(self, proposal: Proposal) -> int:
        return int(self.governor.functions.proposalDeadline(proposal.id).call())

    def effective(self, proposal: Proposal) -> int:
        """When a queued proposal may be executed."""
        return int(self.governor.functions.proposalEta(proposal.id).call())


def governor_settings(timelock: Contract, **other: Any) -> tuple[Any, ...]:
    """What the governor's constructor takes: the defaults above, and what differs from them, by name."""
    return (
        other.get("delay", DELAY),
        other.get("period", PERIOD),
        other.get("extension", EXTENSION),
        other.get("rules", RULES),
        other.get("convener", SECRETARIAT),
        timelock.address,
        other.get("guardian", NOBODY),
    )


def ballot_nonce(proposal: Proposal) -> int:
    """What a ballot on this proposal carries, whoever signs it."""
    return (proposal.id % 2**192) << 64


def deploy(ledger: Web3, name: str, *arguments: Any) -> Contract:
    """Deploy from the committed artifact, as the founder."""
    compiled = artifact(name)
    factory = ledger.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    receipt = sent(ledger, factory.constructor(*arguments).transact({"from": FOUNDER, "gasPrice": 0}))
    return ledger.eth.contract(address=receipt["contractAddress"], abi=compiled["abi"])


def sent(ledger: Web3, transaction: Any) -> TxReceipt:
    """The receipt; a fast poll, because this ledger mines at once."""
    return ledger.eth.wait_for_transaction_receipt(transaction, timeout=60, poll_latency=0.01)


def encoded(call: ContractFunction) -> str:
    """A call's data, as a proposal carries it."""
    return str(call._encode_transaction_data())


def events(contract: Contract, receipt: TxReceipt, name: str) -> list[dict[str, Any]]:
    """The arguments of the events `name` of `contract` in a receipt."""
    logs = [log for log in receipt["logs"] if log["address"] == contract.address]
    topic = contract.events[name]().topic
    return [
        dict(contract.events[name]().process_log(log)["args"])
        for log in logs
        if log["topics"][0].to_0x_hex() == topic
    ]
