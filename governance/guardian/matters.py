"""What a guardian is about to sign, read from the ledger and checked there; the console is not asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from web3 import Web3
from web3.contract import Contract

from governance.ballot import words
from governance.ballot.ledger import LedgerProposal, LedgerReader
from governance.contracts import artifact
from governance.guardian.confirmation import Cancel, Confirmation, Freeze, reason_hash
from governance.guardian.texts import GuardianError, say

NOBODY: Final = "0x" + "0" * 40
ENDED: Final = {2, 3, 6, 7}  # canceled, defeated, expired, executed
_UNTIL_THAWED: Final = 2**48 - 1
_SLUG = re.compile(r"[a-z0-9-]{1,32}")
_NODE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True)
class Order:
    """Who wants to sign, why, and for how many hours the signature may be used."""

    guardian: str
    reason: str
    hours: int


class Matters:
    """The guardians' contract of a governor. Where the ledger fails, its methods raise BallotError."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger
        address = str(ledger.ask(ledger.governor.functions.proposalGuardian()))
        if address == NOBODY:
            raise GuardianError("no_guardians")
        self._glass = self._contract("BreakGlass", address)
        self._registry = self._contract("NodeRegistry", str(ledger.ask(self._glass.functions.registry())))

    def freeze(self, network: str, consensus_id: str, order: Order) -> tuple[Freeze, list[str]]:
        """The confirmation to sign, and what to show first. Raises GuardianError where it would not count."""
        if not _SLUG.fullmatch(network):
            raise GuardianError("network_bad", value=network)
        if not _NODE.fullmatch(consensus_id):
            raise GuardianError("node_bad", value=consensus_id)
        place = network.encode("ascii").ljust(32, b"\0"), bytes.fromhex(consensus_id)
        role, member = self._ask(self._registry.functions.roleOf(*place))
        if role == 0:
            raise GuardianError("node_unknown", network=network)
        self._check_free(place)
        matter = (*place, reason_hash(order.reason))
        confirmed, _ = self._ask(self._glass.functions.freezeConfirmations(*matter))
        key = self._ask(self._glass.functions.freezeNonceKey(*matter))
        freeze = Freeze(
            network=network, consensus_id=consensus_id, **self._common(order, list(confirmed), int(key))
        )
        who = say(f"role_{role}"), bytes(member).rstrip(b"\0").decode("ascii", "replace")
        line = say("freeze_line", network=network, role=who[0], member=words.printable(who[1]))
        shown = [line, say("node_line", node=consensus_id)]
        return freeze, self._lines(freeze, shown, len(confirmed))

    def cancel(self, wanted: str, order: Order) -> tuple[Cancel, list[str]]:
        """The confirmation to sign, and what to show first. Raises GuardianError where it would not count."""
        proposal = self._ledger.find(wanted)
        if self._ask(self._ledger.governor.functions.state(proposal.id)) in ENDED:
            raise GuardianError("ended")
        self._check_unprotected(proposal)
        matter = proposal.id, reason_hash(order.reason)
        confirmed, _ = self._ask(self._glass.functions.cancelConfirmations(*matter))
        key = self._ask(self._glass.functions.cancelNonceKey(*matter))
        cancel = Cancel(
            proposal_id=proposal.id,
            targets=proposal.targets,
            values=proposal.values,
            calldatas=["0x" + data.hex() for data in proposal.calldatas],
            description=proposal.description,
            **self._common(order, list(confirmed), int(key)),
        )
        shown = [say("cancel_line"), *words.lines(proposal, self._ledger)]
        return cancel, self._lines(cancel, shown, len(confirmed))

    def _common(self, order: Order, confirmed: list[str], key: int) -> dict[str, Any]:
        """What both kinds of confirmation carry, once it is sure that this guardian's would count."""
        if not self._ask(self._glass.functions.isGuardian(order.guardian)):
            raise GuardianError("not_a_guardian", address=order.guardian)
        if order.guardian in confirmed:
            raise GuardianError("confirmed_already", address=order.guardian)
        return {
            "chain_id": self._ledger.chain_id,
            "contract": self._glass.address,
            "reason": order.reason,
            "guardian": order.guardian,
            "nonce": self._ask(self._glass.functions.nonces(order.guardian, key)),
            "deadline": self._now() + order.hours * 3600 * self._ticks(),
        }

    def _check_free(self, place: tuple[bytes, bytes]) -> None:
        """Neither frozen, nor at rest after a freeze, nor is a vote on its last freeze open."""
        number, until, rests_until, ratified = self._ask(self._registry.functions.freezeOf(*place))
        if ratified and until == _UNTIL_THAWED:
            raise GuardianError("node_ratified")
        if number and self._now() < until:
            raise GuardianError("node_frozen", until=self._moment(until))
        if self._now() > rests_until:
            return
        vote = self._ask(self._glass.functions.ratificationOf(number))
        if vote and self._ask(self._ledger.governor.functions.state(vote)) not in ENDED:
            raise GuardianError("undecided")
        raise GuardianError("node_rests", until=self._moment(rests_until))

    def _check_unprotected(self, proposal: LedgerProposal) -> None:
        for target, data in zip(proposal.targets, proposal.calldatas, strict=True):
            if self._ask(self._glass.functions.isProtected(target, data)):
                raise GuardianError("protected")

    def _lines(self, confirmation: Confirmation, matter: list[str], count: int) -> list[str]:
        needed = int(self._ask(self._glass.functions.threshold()))
        return [
            say("heading", contract=confirmation.contract, chain_id=confirmation.chain_id),
            *matter,
            say("reason_line", digest=confirmation.reason_hash.hex()),
            *(f"  {words.printable(line)}" for line in confirmation.reason.splitlines()),
            say("so_far", count=count, needed=needed),
            *([say(f"last_{confirmation.kind}")] if count + 1 == needed else []),
            say("until", until=self._moment(confirmation.deadline), guardian=confirmation.guardian),
        ]

    def _now(self) -> int:
        """The ledger's clock, in its own unit."""
        return int(self._ask(self._ledger.governor.functions.clock()))

    def _ticks(self) -> int:
        seats = self._contract("Seats", str(self._ask(self._registry.functions.seats())))
        return int(self._ask(seats.functions.ticksPerSecond()))

    def _moment(self, ticks: int) -> str:
        return words.moment(ticks // self._ticks())

    def _ask(self, call: Any) -> Any:
        return self._ledger.ask(call)

    def _contract(self, name: str, address: str) -> Contract:
        contract: Contract = self._ledger.web3.eth.contract(
            address=Web3.to_checksum_address(address), abi=artifact(name)["abi"]
        )
        return contract
