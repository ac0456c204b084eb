"""A proposal as the ledger has it. The console is not asked: it could show something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Final

from eth_abi.abi import encode
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError, Web3Exception

from governance.ballot.texts import BallotError
from governance.contracts import artifact
from governance.contracts.codec import patient_codec

_TIMEOUT: Final = 10  # seconds
_WIDEST: Final = 2000  # blocks per eth_getLogs; halved where a ledger refuses so many
_NARROW: Final = 10  # what FISCO BCOS answers for at most, without saying that it left the rest out
_LATELY: Final = 20_000  # blocks that are read once more by so few, where nothing was found
_LAST_SECOND: Final = 100_000_000_000  # a later timestamp is in milliseconds
_NUMBER_DIGITS: Final = 9  # a proposal's id on the ledger has about 77
# What a contract that passes for one of ours has to answer, each as the interface says.
_ANSWERS: Final = {
    "Seats": ("ticksPerSecond", "seatCount", "executor"),
    "ConsortiumGovernor": ("seats", "registry", "timelock", "convener", "proposalGuardian"),
    "TimelockController": ("getMinDelay", "PROPOSER_ROLE"),
    "NodeRegistry": ("seats", "executor", "guardian", "freezeCount"),
    "BreakGlass": ("registry", "governor", "executor", "guardians", "threshold"),
    "EpochAnchors": ("executor", "publisher"),
}
NOBODY: Final = "0x" + "0" * 40


@dataclass(frozen=True)
class LedgerProposal:
    """Content and times (Unix seconds) of a proposal; ``id`` was checked against the content."""

    id: int
    proposer: str
    targets: list[str]
    values: list[int]
    calldatas: list[bytes]
    description: str
    vote_start: int
    vote_end: int


class Kind(IntEnum):
    """What a proposal may change, from the least to the most."""

    ROUTINE = 0
    MEMBERSHIP = 1
    CONSTITUTIONAL = 2


@dataclass(frozen=True)
class Rule:
    """What a proposal needs: shares as (numerator, denominator), and majorities in so many categories."""

    kind: Kind
    quorum: tuple[int, int]
    approval: tuple[int, int]
    categories: int


@dataclass(frozen=True)
class Standing:
    """How the vote stands, as the governor tells it; ``missing`` is votes, votes for, categories."""

    in_favour: int
    against: int
    abstain: int
    electorate: int
    passes: bool
    is_possible: bool
    is_decided: bool
    missing: tuple[int, int, int]


class LedgerReader:
    """One governor contract on one ledger. Every method raises BallotError where the ledger fails."""

    def __init__(self, url: str, governor: str) -> None:
        if not Web3.is_address(governor):
            raise BallotError("bad_address", value=governor)
        self.url = url
        self.address = Web3.to_checksum_address(governor)
        self.web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": _TIMEOUT}))
        self.web3.codec = patient_codec()  # one member's unreadable text must not hide another's proposal
        with self._asking():
            self.chain_id = self.web3.eth.chain_id
            code = self.web3.eth.get_code(self.address)
        if not code:
            raise BallotError("no_governor", address=self.address, chain_id=self.chain_id)
        self.governor = self._contract("ConsortiumGovernor", self.address)

    def find(self, wanted: str) -> LedgerProposal:
        """The proposal with this number or id."""
        if not wanted.isdecimal():
            raise BallotError("bad_proposal", value=wanted)
        with self._asking():
            found = self._by_number(wanted) if len(wanted) <= _NUMBER_DIGITS else self._by_id(int(wanted))
        if found is None:
            raise BallotError("proposal_unknown", value=wanted)
        if _id_of(found) != found.id:
            raise BallotError("proposal_forged", value=wanted)
        return found

    def rule(self, proposal: LedgerProposal) -> Rule:
        """The kind of the proposal and what it needs, as frozen when it opened."""
        with self._asking():
            kind, rule = self.governor.functions.ruleOf(proposal.id).call()
        return Rule(Kind(kind), tuple(rule[:2]), tuple(rule[2:4]), rule[4])

    def standing(self, proposal: LedgerProposal) -> Standing:
        """How the vote stands now."""
        with self._asking():
            outlook = self.governor.functions.outlook(proposal.id).call()
            electorate, against, favour, abstain = self.governor.functions.tally(proposal.id).call()
        passes, possible, decided, *missing = outlook
        votes = sum(favour), sum(against), sum(abstain), sum(electorate)
        return Standing(*votes, passes, possible, decided, (missing[0], missing[1], missing[2]))

    def seconds(self, ticks: int) -> int:
        """A point of the governor's clock as Unix seconds."""
        return ticks // self.ticks_per_second

    @cached_property
    def ticks_per_second(self) -> int:
        """FISCO BCOS counts milliseconds; the seats say which it is."""
        with self._asking():
            seats = self._contract("Seats", str(self.governor.functions.token().call()))
            return int(seats.functions.ticksPerSecond().call())

    def has_vote(self, proposal: LedgerProposal, voter: str) -> bool:
        """Whether the voter had a seat with a vote when the proposal opened."""
        weight = self.governor.functions.getVotes(voter, proposal.vote_start)
        with self._asking():
            try:
                return bool(weight.call(block_identifier="pending"))
            except ContractLogicError:
                return True  # the snapshot is not past yet: who hands it in checks again

    def has_voted(self, proposal: LedgerProposal, voter: str) -> bool:
        with self._asking():
            return bool(self.governor.functions.hasVoted(proposal.id, voter).call())

    def now(self) -> int:
        """The latest block's time: what is over by it is over."""
        with self._asking():
            found = int(self.web3.eth.get_block("latest")["timestamp"])
        return found // 1000 if found > _LAST_SECOND else found

    def ask(self, call: ContractFunction) -> Any:
        """What a call of one of the alliance's contracts returns, as of the latest block."""
        with self._asking():
            return call.call()

    def contract_at(self, target: str) -> tuple[str, Contract] | None:
        """Which of the alliance's contracts ``target`` is, by what the governor says of them."""
        name = self._known.get(target)
        return None if name is None else (name, self._contract(name, target))

    def as_if(self, name: str, target: str) -> Contract:
        """``target`` by the interface of the contract ``name``, whatever is there."""
        return self._contract(name, target)

    def answers_as(self, name: str, target: str) -> bool:
        """Whether the code at ``target`` answers as that contract does. Anybody can write one that does."""
        functions = self._contract(name, target).functions
        with self._asking():
            try:
                for question in _ANSWERS[name]:
                    functions[question]().call()
            except Web3Exception:
                return False
        return True

    @cached_property
    def _known(self) -> dict[str, str]:
        functions = self.governor.functions
        with self._asking():
            named = {
                str(functions.proposalGuardian().call()): "BreakGlass",
                str(functions.timelock().call()): "TimelockController",
                str(functions.registry().call()): "NodeRegistry",
                str(functions.token().call()): "Seats",
                self.address: "ConsortiumGovernor",
            }
        return {address: name for address, name in named.items() if address != NOBODY}

    def _by_id(self, wanted: int) -> LedgerProposal | None:
        if not int(self.governor.functions.proposalSnapshot(wanted).call()):
            return None
        return self._first(lambda found: found.id == wanted)

    def _by_number(self, wanted: str) -> LedgerProposal | None:
        # Any member may open a proposal and write a number into it; the console's are the convener's.
        convener = self.governor.functions.convener().call()
        pattern = re.compile(rf"Proposal {int(wanted)}:")
        return self._first(
            lambda found: found.proposer == convener and pattern.match(found.description) is not None
        )

    def _first(self, is_wanted: Callable[[LedgerProposal], bool]) -> LedgerProposal | None:
        """The newest such proposal. In the end few blocks are asked for: some answer for no more."""
        for width, most in ((_WIDEST, None), (_NARROW, _LATELY)):
            found = next(filter(is_wanted, self._newest_first(width, most)), None)
            if found is not None:
                return found
        return None

    def _newest_first(self, width: int, most: int | None) -> Iterator[LedgerProposal]:
        """Those of the last ``most`` blocks, or of all; ``width`` blocks a question."""
        end = int(self.web3.eth.block_number)
        last = 0 if most is None else max(0, end - most)
        while end >= last:
            start = max(0, end - width + 1)
            try:
                logs = self.governor.events.ProposalCreated().get_logs(from_block=start, to_block=end)
            except (Web3Exception, RequestException, ValueError):
                if width == 1:
                    raise
                width = max(1, width // 2)
                continue
            yield from (_proposal(log["args"]) for log in reversed(list(logs)))
            end = start - 1

    def _contract(self, name: str, address: str) -> Contract:
        contract: Contract = self.web3.eth.contract(
            address=Web3.to_checksum_address(address), abi=artifact(name)["abi"]
        )
        return contract

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except RequestException as error:
            raise BallotError("ledger_unreachable", url=self.url) from error
        except (Web3Exception, ValueError) as error:
            raise BallotError("ledger_failed", url=self.url, reason=type(error).__name__) from error


def _proposal(args: Any) -> LedgerProposal:
    return LedgerProposal(
        id=args["proposalId"],
        proposer=args["proposer"],
        targets=list(args["targets"]),
        values=list(args["values"]),
        calldatas=[bytes(data) for data in args["calldatas"]],
        description=args["description"],
        vote_start=args["voteStart"],
        vote_end=args["voteEnd"],
    )


def _id_of(proposal: LedgerProposal) -> int:
    """The governor's ``hashProposal``, computed here: a ballot names nothing but this number."""
    described = Web3.keccak(text=proposal.description)
    content = encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32"],
        [proposal.targets, proposal.values, proposal.calldatas, described],
    )
    return int.from_bytes(Web3.keccak(content))
