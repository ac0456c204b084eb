"""What each action costs in gas: `python -m tests.contracts.gas` writes the table into docs/governance.md.

Measured on the embedded ledger, in an alliance of twelve that has all six categories. Rounded to thousands:
a signature or an identifier with a zero byte more or less makes a difference of a few.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from governance.contracts import NAMES, artifact
from tests.contracts.alliance import (
    COUNCIL,
    FOR,
    FOUNDER,
    GUARDIANS,
    LANTIAN,
    RULES,
    SEALER,
    SECRETARIAT,
    Alliance,
    Proposal,
    deploy,
    padded,
    person,
)
from tests.contracts.guardians import REASON

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "governance.md"
BEGIN, END = "<!-- gas: made by python -m tests.contracts.gas -->", "<!-- gas: end -->"
NETWORK = padded("settlement-main")
NODE = person("Councillor 0's first node")._key_obj.public_key.to_bytes()


class Meter:
    """The gas of one action after the other, by its name."""

    def __init__(self, ledger: Web3) -> None:
        self.ledger = ledger
        self.used: dict[str, int] = {}

    def note(self, action: str, receipt: TxReceipt) -> TxReceipt:
        self.used[action] = receipt["gasUsed"]
        return receipt

    def measure(self) -> dict[str, int]:
        """Everything, on an alliance of its own."""
        self._deploy()
        alliance = Alliance.established(self.ledger, *COUNCIL)
        self._vote(alliance)
        self._execute(alliance)
        self._freeze(alliance)
        self._stop(alliance)
        return self.used

    def _deploy(self) -> None:
        alliance = Alliance.deployed(self.ledger)
        addresses = {
            "Seats": alliance.seats,
            "TimelockController": alliance.timelock,
            "NodeRegistry": alliance.registry,
            "ConsortiumGovernor": alliance.governor,
            "BreakGlass": alliance.break_glass,
            "EpochAnchors": deploy(self.ledger, "EpochAnchors", alliance.timelock.address, SECRETARIAT),
        }
        for name in NAMES:
            self.note(f"deploy `{name}`", self._made(addresses[name].address))
        self.note("found twelve seats", alliance.found(*COUNCIL))
        self._anchor(alliance, addresses["EpochAnchors"])
        alliance.hand_over()
        close = alliance.seats.functions.closeFounding(alliance.governor.address)
        self.note("close the founding", alliance.send(close, FOUNDER))

    def _anchor(self, alliance: Alliance, anchors: Contract) -> None:
        for size, action in (
            (7, "anchor a log's head, a network's first"),
            (8, "anchor a log's head, a later one"),
        ):
            call = anchors.functions.anchor(NETWORK, size, Web3.keccak(text=f"head {size}"))
            self.note(action, alliance.send(call, SECRETARIAT))

    def _made(self, address: str) -> TxReceipt:
        """The receipt of a contract's deployment."""
        number = self.ledger.eth.block_number
        while True:
            block = self.ledger.eth.get_block(number, full_transactions=True)
            for transaction in block["transactions"]:
                receipt = self.ledger.eth.get_transaction_receipt(transaction["hash"])  # type: ignore[index]
                if receipt["contractAddress"] == address:
                    return receipt
            number -= 1

    def _vote(self, alliance: Alliance) -> None:
        draft = alliance.draft(alliance.seats.functions.grant(*LANTIAN.seat))
        self.note("propose", alliance.send(alliance.proposing(draft), SECRETARIAT))
        alliance.mine_at(alliance.snapshot(draft) + 1)
        self.note("a ballot, the first on a proposal", alliance.cast(COUNCIL[0], draft, FOR))
        self.note("a ballot, a later one", alliance.cast(COUNCIL[1], draft, FOR))
        vote = alliance.governor.functions.castVote(draft.id, FOR)
        self.note("a vote by the member's own transaction", alliance.send(vote, COUNCIL[2].voter))

    def _decide(self, alliance: Alliance, *calls: Any) -> tuple[Proposal, TxReceipt]:
        """The proposal, waiting in the timelock until its time has come, and the receipt of its queuing."""
        proposal = alliance.opened(*calls)
        for bank in reversed(COUNCIL):
            if alliance.state(proposal) == 1:
                alliance.send(alliance.governor.functions.castVote(proposal.id, FOR), bank.voter)
        receipt = alliance.queue(proposal)
        alliance.wait(proposal)
        return proposal, receipt

    def _execute(self, alliance: Alliance) -> None:
        seats, registry, governor = (
            contract.functions for contract in (alliance.seats, alliance.registry, alliance.governor)
        )
        for action, call in {
            "grant a seat": seats.grant(*LANTIAN.seat),
            "suspend": seats.suspend(LANTIAN.id),
            "reinstate": seats.reinstate(LANTIAN.id),
            "change a voting address": seats.changeVoter(LANTIAN.id, person("another officer").address),
            "revoke a seat": seats.revoke(LANTIAN.id),
            "admit a node": registry.setRole(NETWORK, NODE, COUNCIL[0].id, SEALER),
            "let an account transact": registry.setAccount(NETWORK, SECRETARIAT, COUNCIL[0].id, 1),
            "change a rule": governor.setRule(0, RULES[0]),
        }.items():
            proposal, queued = self._decide(alliance, call)
            self.note("queue", queued)
            self.note(f"execute: {action}", alliance.execute(proposal))

    def _freeze(self, alliance: Alliance) -> None:
        confirm = alliance.break_glass.functions.confirmFreeze(NETWORK, NODE, REASON)
        self.note("confirm a freeze, the first guardian", alliance.send(confirm, GUARDIANS[0].address))
        last = alliance.send(confirm, GUARDIANS[1].address)
        self.note("confirm a freeze, the last: freezes and opens the vote", last)
        for action, call in {
            "ratify a freeze": alliance.registry.functions.ratifyFreeze(NETWORK, NODE, 1),
            "thaw a node": alliance.registry.functions.thaw(NETWORK, NODE),
            "remove a node": alliance.registry.functions.remove(NETWORK, NODE),
        }.items():
            self.note(f"execute: {action}", alliance.execute(self._decide(alliance, call)[0]))

    def _stop(self, alliance: Alliance) -> None:
        pending = alliance.propose(alliance.admission(COUNCIL[0]))
        cancel = alliance.governor.functions.cancel(*pending.executable)
        self.note("withdraw a proposal", alliance.send(cancel, SECRETARIAT))
        queued, _ = self._decide(alliance, alliance.admission(COUNCIL[1]))
        content = (*queued.executable,)
        stop = alliance.break_glass.functions.confirmCancel(content, REASON)
        alliance.send(stop, GUARDIANS[0].address)
        last = alliance.send(stop, GUARDIANS[1].address)
        self.note("cancel a queued proposal, the last guardian", last)


def table(used: dict[str, int]) -> str:
    """As Markdown, in thousands."""
    rows = [f"| {action} | {round(gas / 1000):,} |" for action, gas in used.items()]
    sizes = ", ".join(f"`{name}` {artifact(name)['deployedBytecodeSize']:,}" for name in NAMES)
    head = "| action | thousand gas |\n| --- | ---: |"
    return "\n".join([head, *rows, "", f"Deployed code in bytes, of 24,576 at most: {sizes}."])


def documented() -> dict[str, int]:
    """The table in the document: thousands of gas by action."""
    text = DOCUMENT.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|$", text, re.MULTILINE)
    return {action: int(number.replace(",", "")) for action, number in rows}


def main() -> int:
    """The command. Returns its exit code."""
    from tests.contracts.conftest import running_anvil

    with running_anvil() as ledger:
        made = table(Meter(ledger).measure())
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}", "utf-8")
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
