"""``python -m governance.ballot.committee``: a governor of a FISCO BCOS ledger reads and signs by itself.

What is signed is shown in words that come from the ledger, not from the console: the chain does not tell what
a proposal does, so the calldata of the transaction that created it is found and decoded here. The signed
transaction is written to a file; the console relays it, or anybody sends it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from eth_typing import HexStr
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound, Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import TxData

from governance.ballot import keystore
from governance.ballot.committee_texts import TYPES, CommitteeError, effect, tell
from governance.ballot.texts import BallotError
from governance.contracts import fisco

FAILED = 2  # exit code
_TIMEOUT: Final = 10  # seconds
_GAS: Final = 3_000_000
_LOOK_BACK: Final = 2_000  # blocks read in search of the transaction that created a proposal


@dataclass(frozen=True)
class Proposal:
    """A proposal as the ledger has it; ``content`` is None where its creating transaction was not found."""

    number: int
    proposer: str
    type: int
    resource: str
    deadline: int
    status: int
    agree: tuple[str, ...]
    against: tuple[str, ...]
    content: dict[str, Any] | None


class CommitteeReader:
    """The committee of one ledger. Every method raises CommitteeError where the ledger fails."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": _TIMEOUT}))
        self.web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self.chain_id = int(self._asked(lambda: self.web3.eth.chain_id))
        self.proposals = str(self._view(fisco.COMMITTEE_MANAGER, "_proposalMgr"))
        self.committee = str(self._view(fisco.COMMITTEE_MANAGER, "_committee"))

    def head(self) -> int:
        return int(self._asked(lambda: self.web3.eth.block_number))

    def nonce(self, sender: str) -> int:
        return int(self._asked(lambda: self.web3.eth.get_transaction_count(Web3.to_checksum_address(sender))))

    def rules(self) -> tuple[int, int, dict[str, int]]:
        """Participation rate, win rate, weights by governor: those of this moment."""
        participation, win, governors, weights = self._view(self.committee, "getCommitteeInfo")
        return participation, win, dict(zip(governors, weights, strict=True))

    def find(self, number: int, *, created_in: str = "") -> Proposal:
        """The proposal, and what it does: from ``created_in``, or from a search of the ledger's blocks."""
        resource, proposer, type_, deadline, status, agree, against = self._view(
            self.proposals, "getProposalInfo", number
        )
        if status == 0:
            raise CommitteeError("unknown", number=number)
        bare = Proposal(number, proposer, type_, resource, deadline, status, agree, against, None)
        sent = self._asked(lambda: self._creating(bare, created_in))
        content = None if sent is None else fisco.read(bytes(sent["input"])).arguments
        return Proposal(number, proposer, type_, resource, deadline, status, agree, against, content)

    def _creating(self, wanted: Proposal, created_in: str) -> TxData | None:
        if created_in:
            try:
                sent = self.web3.eth.get_transaction(HexStr(created_in))
            except TransactionNotFound:
                return None
            return sent if self._created(wanted, sent) else None
        head = int(self.web3.eth.block_number)
        first = max(0, head - _LOOK_BACK)
        usual = wanted.deadline - fisco.DEFAULT_INTERVAL
        for number in [*([usual] if 0 <= usual <= head else []), *range(head, first - 1, -1)]:
            block = self.web3.eth.get_block(number, full_transactions=True)
            for sent in cast(Sequence[TxData], block["transactions"]):
                if self._created(wanted, sent):
                    return sent
        return None

    def _created(self, wanted: Proposal, sent: TxData) -> bool:
        """By proposer, type, what it is about, and block + interval = deadline."""
        if str(sent.get("to") or "").lower() != fisco.COMMITTEE_MANAGER or sent["from"] != wanted.proposer:
            return False
        try:
            said = fisco.read(bytes(sent["input"]))
        except fisco.NotACall:
            return False
        if said.function.type != wanted.type or sent["blockNumber"] + said.interval != wanted.deadline:
            return False
        if fisco.resource(wanted.type, said.arguments, self.proposals) != wanted.resource:
            return False
        return bool(self.web3.eth.get_transaction_receipt(sent["hash"])["status"] == 1)

    def _view(self, address: str, name: str, *values: Any) -> Any:
        to = Web3.to_checksum_address(address)
        data = self._asked(
            lambda: self.web3.eth.call({"to": to, "data": HexStr(fisco.question(name, *values))})
        )
        try:
            return fisco.answer(name, bytes(data))
        except fisco.NotACall as error:
            raise CommitteeError("no_committee", address=address, chain_id=self.chain_id) from error

    def _asked(self, ask: Any) -> Any:
        try:
            return ask()
        except (RequestException, Web3Exception, ValueError) as error:
            raise CommitteeError("unreachable", url=self.url, reason=type(error).__name__) from error


# --- In words -------------------------------------------------------------------------------------------
def lines(proposal: Proposal, ledger: CommitteeReader) -> list[str]:
    """A proposal for a person to read before signing."""
    participation, win, weights = ledger.rules()
    return [
        tell("heading", number=proposal.number, chain_id=ledger.chain_id),
        tell("proposer", proposer=proposal.proposer),
        tell("deadline", deadline=proposal.deadline, head=ledger.head()),
        tell(
            "votes",
            agree=sum(weights.get(who, 0) for who in proposal.agree),
            against=sum(weights.get(who, 0) for who in proposal.against),
            all=sum(weights.values()),
            participation=participation,
            win=win,
        ),
        tell("unfound")
        if proposal.content is None
        else tell("effect", effect=effect(proposal.type, proposal.content)),
    ]


# --- Commands -------------------------------------------------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. A failure is one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except BallotError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, EOFError):
        print(tell("not_confirmed"), file=sys.stderr)
        return FAILED
    return 0


def _show(options: argparse.Namespace) -> None:
    ledger = CommitteeReader(options.ledger)
    print("\n".join(lines(ledger.find(options.proposal, created_in=options.created_in), ledger)))


def _vote(options: argparse.Namespace) -> None:
    ledger = CommitteeReader(options.ledger)
    proposal = ledger.find(options.proposal, created_in=options.created_in)
    sender = keystore.address(options.keystore)
    print("\n".join(lines(proposal, ledger)))
    _check(ledger, proposal, sender)
    if sender in {*proposal.agree, *proposal.against}:
        raise CommitteeError("voted", sender=sender, number=proposal.number)
    agree = options.vote == "agree"
    data = fisco.call(fisco.VOTE, {"proposal": proposal.number, "agree": agree})
    _sign(options, ledger, sender, data, tell(options.vote, number=proposal.number))


def _revoke(options: argparse.Namespace) -> None:
    ledger = CommitteeReader(options.ledger)
    proposal = ledger.find(options.proposal, created_in=options.created_in)
    sender = keystore.address(options.keystore)
    print("\n".join(lines(proposal, ledger)))
    _check(ledger, proposal, sender)
    if sender != proposal.proposer:
        raise CommitteeError("not_proposer")
    data = fisco.call(fisco.REVOKE, {"proposal": proposal.number})
    _sign(options, ledger, sender, data, tell("revoke", number=proposal.number))


def _propose(options: argparse.Namespace) -> None:
    ledger = CommitteeReader(options.ledger)
    sender = keystore.address(options.keystore)
    if sender not in ledger.rules()[2]:
        raise CommitteeError("no_governor", sender=sender)
    function = fisco.CREATES[options.type]
    try:
        arguments = fisco.normal(function, fisco.from_words(function, options.set))
        data = fisco.call(function, arguments, options.interval)
    except fisco.NotACall as error:
        raise CommitteeError("bad_action", reason=error) from error
    words = tell("propose", effect=effect(options.type, arguments), interval=options.interval)
    _sign(options, ledger, sender, data, words)


def _check(ledger: CommitteeReader, proposal: Proposal, sender: str) -> None:
    if proposal.status != fisco.OPEN:
        raise CommitteeError("not_open", number=proposal.number)
    head = ledger.head()
    if head >= proposal.deadline:
        raise CommitteeError("late", number=proposal.number, deadline=proposal.deadline, head=head)
    if sender not in ledger.rules()[2]:
        raise CommitteeError("no_governor", sender=sender)


def _sign(options: argparse.Namespace, ledger: CommitteeReader, sender: str, data: str, what: str) -> None:
    nonce = ledger.nonce(sender) if options.nonce is None else options.nonce
    print(tell("you", what=what, sender=sender, nonce=nonce))
    _confirm(options)
    key = keystore.unlock(options.keystore, options.passphrase_file)
    signed = key.sign_transaction(
        {
            "chainId": ledger.chain_id,
            "to": Web3.to_checksum_address(fisco.COMMITTEE_MANAGER),
            "data": HexStr(data),
            "nonce": nonce,
            "gas": _GAS,
            "gasPrice": 0,
            "value": 0,
        }
    )
    try:
        options.out.write_text(signed.raw_transaction.to_0x_hex() + "\n", encoding="ascii")
    except OSError as error:
        raise BallotError("out_failed", path=options.out, reason=error.strerror or error) from error
    print(tell("written", path=options.out))


def _confirm(options: argparse.Namespace) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise CommitteeError("confirm_needed")
    if input(tell("confirm")).strip().lower() != "yes":
        raise CommitteeError("not_confirmed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m governance.ballot.committee", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="{show,vote,revoke,propose}")
    for name, command in (("show", _show), ("vote", _vote), ("revoke", _revoke), ("propose", _propose)):
        sub = commands.add_parser(name)
        sub.set_defaults(command=command)
        sub.add_argument("--ledger", required=True, metavar="URL", help="JSON-RPC of a node of your own")
        if name != "propose":
            sub.add_argument("--proposal", type=int, required=True, help="its number on the ledger")
            sub.add_argument("--created-in", default="", metavar="HASH", help="transaction that created it")
        if name != "show":
            _signing_arguments(sub)
        if name == "vote":
            sub.add_argument("--vote", choices=("agree", "against"), required=True)
        if name == "propose":
            sub.add_argument("--type", type=int, choices=TYPES, required=True)
            sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
            sub.add_argument("--interval", type=int, default=fisco.DEFAULT_INTERVAL, help="blocks to vote")
    return parser


def _signing_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keystore", type=Path, required=True, help="encrypted keystore (version 3)")
    parser.add_argument("--passphrase-file", type=Path, help="without it you are asked")
    parser.add_argument("--nonce", type=int, help="the account's transaction number, to sign several ahead")
    parser.add_argument("--out", type=Path, required=True, help="where the signed transaction is written")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


if __name__ == "__main__":
    sys.exit(main())
