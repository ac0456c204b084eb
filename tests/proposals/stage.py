"""Five banks with seats on a ledger, a secretariat that relays, and short words for what they do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from consortium.core import clock, outbox
from consortium.core.models import Event
from consortium.members.models import Institution, Node, User
from governance.ballot import typed_data
from governance.chain import indexer, relay
from governance.chain.models import Ledger, OnChainProposal, RelayTransaction
from governance.proposals import mandates, rules, selectors, services
from governance.proposals.errors import VotingClosed, VotingNotOpen
from governance.proposals.models import Ballot, Proposal
from tests.contracts.alliance import FOUNDER, Alliance, padded, sent
from tests.factories import InstitutionFactory, NodeFactory, UserFactory, voter_of

WAIT = 300  # seconds that the timelock holds what has passed; the rest as tests.contracts.alliance has it
BANKS = 5
AGAINST, FOR, ABSTAIN = 0, 1, 2
RELAY_KEY: LocalAccount = Account.from_key(Web3.keccak(text="the relay of the proposals' tests"))
TEXT = "The bank has shown its licence.\nThe secretariat recommends admission."


def rpc(web3: Web3, method: str, *arguments: Any) -> Any:
    answer = web3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
    assert "error" not in answer, answer
    return answer["result"]


@dataclass
class Stage:
    """The alliance on its ledger and in the tables."""

    web3: Web3
    ledger: Ledger
    seats: Contract
    governor: Contract
    registry: Contract
    timelock: Contract
    break_glass: Contract
    banks: list[Institution]
    secretary: User

    # People

    def officer(self, bank: Institution) -> User:
        """Who hands in the bank's ballots."""
        desk = Q(username=self._colleague_name(bank))
        return bank.officers.exclude(desk).order_by("pk").first() or UserFactory(institution=bank)

    def colleague(self, bank: Institution) -> User:
        """The other one of the two: who proposes how the bank votes."""
        name = self._colleague_name(bank)
        return User.objects.filter(username=name).first() or UserFactory(institution=bank, username=name)

    def _colleague_name(self, bank: Institution) -> str:
        return f"desk.{bank.short_name}"

    def applicant(self, **fields: Any) -> Institution:
        """In review, with a proved voting address."""
        return InstitutionFactory(**{"voting": True, **fields})

    def node(self, bank: Institution) -> Node:
        return NodeFactory(institution=bank)

    # What people do

    def draft(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        if "institution" not in fields:
            fields["institution"] = self.applicant()
        content = {
            "title_zh": "接纳新成员",
            "title_en": "Admit a member",
            "text": TEXT,
            "actor": self.secretary,
        }
        return services.draft(kind=kind, **{**content, **fields})

    def proposed(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        """Opened, relayed and indexed: the vote opens after the delay."""
        proposal = services.open(self.draft(kind, **fields), actor=self.secretary)
        self.work()
        return proposal

    def voting(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        """A proposal that can be voted on now."""
        proposal = self.proposed(kind, **fields)
        self.move_to(self.snapshot(proposal) + 1)
        self.index()
        return proposal

    def passed(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        """So many banks have voted for it that no other could stop it; not queued."""
        proposal = self.voting(kind, **fields)
        for bank in self.banks:
            if self.state(proposal) == rules.State.VOTING:
                self.cast(bank, proposal)
                self.relay()
        assert self.state(proposal) == rules.State.SUCCEEDED
        return proposal

    def queued(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        """Passed and held by the timelock."""
        proposal = self.passed(kind, **fields)
        with self.ledgers_time(ahead=5):
            self.work()
        assert self.state(proposal) == rules.State.QUEUED
        return proposal

    def due(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        """The timelock would let it be executed."""
        proposal = self.queued(kind, **fields)
        self.wait(proposal)
        return proposal

    def decided(self, kind: str = "admit_institution", **fields: Any) -> Proposal:
        proposal = self.due(kind, **fields)
        on_ledger = OnChainProposal.objects.filter(
            proposal_id=proposal.chain_proposal_id, executed_at__isnull=False
        )
        for ahead in range(5, 65, 5):  # a slow machine may have made work due later than the ledger's time
            with self.ledgers_time(ahead=ahead):
                self.work()
            if on_ledger.exists():
                return proposal
        raise AssertionError(f"{proposal} was not executed")

    def ballot(
        self, bank: Institution, proposal: Proposal, support: int = FOR, *, decided: bool = True, **wrong: Any
    ) -> dict[str, Any]:
        """What the member's command makes once a colleague proposed it; ``wrong`` replaces what is signed."""
        if decided:
            self.decide(bank, proposal, support)
        key = wrong.pop("key", None) or voter_of(bank)
        fields: dict[str, Any] = {
            "chain_id": self.ledger.chain_id,
            "governor": self.ledger.governor,
            "support": support,
            "voter": voter_of(bank).address,
            "nonce": typed_data.keyed_nonce(int(proposal.chain_proposal_id)),
            **wrong,
        }
        signed = typed_data.Ballot(proposal_id=int(proposal.chain_proposal_id), **fields)
        return {**fields, "signature": typed_data.sign(signed, key)}

    def cast(
        self,
        bank: Institution,
        proposal: Proposal,
        support: int = FOR,
        *,
        by: User | None = None,
        **wrong: Any,
    ) -> Ballot:
        """One officer proposes, the bank signs, another officer hands in."""
        actor = by or self.officer(bank)
        return services.cast(proposal, actor=actor, **self.ballot(bank, proposal, support, **wrong))

    def decide(self, bank: Institution, proposal: Proposal, support: int = FOR) -> None:
        """Inside the bank: an officer proposes how it votes, unless that stands already."""
        proposed = mandates.standing(proposal, bank)
        if proposed is None or (proposed.support != support and proposed.ballot is None):
            with self.ledgers_time(), contextlib.suppress(VotingClosed, VotingNotOpen):
                services.propose_vote(
                    proposal, support=support, reason="As our board decided", actor=self.colleague(bank)
                )

    # The worker

    def work(self) -> None:
        """The chain worker: all that is due, until nothing is."""
        while outbox.drain("chain"):
            pass
        self.index()

    def relay(self) -> None:
        """Send what is to be sent, see it on the ledger, and index it; nothing else."""
        for row in RelayTransaction.objects.filter(status="wanted"):
            relay.send(row.pk)
        for row in RelayTransaction.objects.filter(status="signed"):
            sent(self.web3, row.tx_hash)
            relay.confirm(row.pk)
        self.index()

    def index(self) -> None:
        indexer.follow(self.ledger)

    # The ledger

    def send(self, call: ContractFunction, sender: str) -> None:
        receipt = sent(self.web3, call.transact({"from": sender, "gas": 8_000_000, "gasPrice": 0}))
        assert receipt["status"] == 1, call.fn_name

    def rule(self, call: ContractFunction) -> None:
        """In the timelock's name, as if members had voted on it; and indexed."""
        self.send(call, self.timelock.address)
        self.index()

    def register(self, node: Node, role: int) -> None:
        network, member = padded(node.network_id), padded(node.institution.uscc)
        consensus_id = bytes.fromhex(node.consensus_id)
        self.rule(self.registry.functions.setRole(network, consensus_id, member, role))

    def move_to(self, timestamp: int) -> None:
        rpc(self.web3, "evm_setNextBlockTimestamp", timestamp)
        rpc(self.web3, "evm_mine")

    def close(self, proposal: Proposal) -> None:
        self.move_to(self.deadline(proposal) + 1)
        self.index()

    def wait(self, proposal: Proposal) -> None:
        """Until the timelock's delay is over."""
        self.move_to(int(self.governor.functions.proposalEta(int(proposal.chain_proposal_id)).call()))

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.web3.eth.get_block("latest")["timestamp"], UTC)

    @contextmanager
    def ledgers_time(self, ahead: float = 0) -> Iterator[None]:
        """Our clock shows what the ledger's shows, or ``ahead`` seconds more."""
        with clock.frozen(self.now + timedelta(seconds=ahead)):
            yield

    def snapshot(self, proposal: Proposal) -> int:
        return int(self.governor.functions.proposalSnapshot(int(proposal.chain_proposal_id)).call())

    def deadline(self, proposal: Proposal) -> int:
        return int(self.governor.functions.proposalDeadline(int(proposal.chain_proposal_id)).call())

    def tally(self, proposal: Proposal) -> tuple[int, int, int]:
        """Against, for, abstain, as the contract counts."""
        against, favour, abstain = self.governor.functions.proposalVotes(
            int(proposal.chain_proposal_id)
        ).call()
        return against, favour, abstain

    # The console

    def state(self, proposal: Proposal) -> rules.State:
        with self.ledgers_time():
            return selectors.overview(Proposal.objects.get(pk=proposal.pk)).state

    def events(self, proposal: Proposal, action: str) -> list[Event]:
        return list(selectors.timeline(proposal).filter(action=action).order_by("id"))


def founded(web3: Web3, banks: list[Institution], secretary: User) -> Stage:
    """Deploy, give each bank its seat, close the founding, and index all of it."""
    start, genesis = web3.eth.block_number, web3.eth.get_block(0)["hash"].to_0x_hex()
    made = Alliance.deployed(web3, wait=WAIT, convener=RELAY_KEY.address)
    made.hand_over()
    ledger = Ledger.objects.create(
        slug="alliance",
        chain_id=web3.eth.chain_id,
        genesis_hash=genesis,
        seats=made.seats.address,
        governor=made.governor.address,
        first_governor=made.governor.address,
        registry=made.registry.address,
        timelock=made.timelock.address,
        break_glass=made.break_glass.address,
        relay_address=RELAY_KEY.address,
        start_block=start,
    )
    contracts = (made.seats, made.governor, made.registry, made.timelock, made.break_glass)
    stage = Stage(web3, ledger, *contracts, banks, secretary)
    entries = [(padded(b.uscc), b.category.number, voter_of(b).address) for b in banks]
    stage.send(made.seats.functions.found(*map(list, zip(*entries, strict=True))), FOUNDER)
    stage.send(made.seats.functions.closeFounding(made.governor.address), FOUNDER)
    stage.index()
    return stage


def five_banks() -> list[Institution]:
    return InstitutionFactory.create_batch(BANKS, admitted=True, voting=True)
