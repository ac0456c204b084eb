"""An honest ledger, and a bundle that lies: nothing is proven by who only borrows the names of events."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from rlp import encode as rlp
from web3 import Web3

from consortium.stack.embedded import EmbeddedLedger
from governance.ballot import console
from governance.verify import canonical, checks, evidence
from governance.verify.document import FORMAT, Bundle
from governance.verify.document import Proposal as Asked
from governance.verify.errors import CannotCheck, NotProven
from governance.verify.sources import BlocksSource, LedgerSource, Source
from governance.verify.story import Finding, Trusted
from governance.verify.story import Story as Checked
from tests.contracts.alliance import FOR, FOUNDER, FOUNDERS, PROPOSER_ROLE, Alliance, Bank, Proposal
from tests.verify.lies import send, telling, topic

Document = dict[str, Any]
MALLORY = FOUNDERS[0]
TEXT = "Anything"
HASH = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def alliance(web3: Web3) -> Alliance:
    """Two banks' seats were given in one block, three banks' in the next."""
    made = Alliance.deployed(web3)
    made.found(*FOUNDERS[:2])
    made.found(*FOUNDERS[2:])
    made.hand_over()
    made.send(made.seats.functions.closeFounding(made.governor.address), FOUNDER)
    return made


def contract_of(who: str, nonce: int) -> str:
    """Where a contract will be that ``who`` makes with this transaction number."""
    return to_checksum_address(keccak(rlp([bytes.fromhex(who[2:]), nonce]))[12:])


def described(alliance: Alliance, *lines: str) -> str:
    named = lines or (f"Text SHA-256: {HASH}",)
    return "\n".join(["Proposal 7: Anything", *named, alliance.binding(MALLORY.voter)])


def proposed(alliance: Alliance, targets: list[str], calls: list[str]) -> Proposal:
    """By Mallory, a member."""
    draft = Proposal(targets, calls, described(alliance))
    number = alliance.governor.functions.hashProposal(*draft.executable).call()
    made = Proposal(targets, calls, draft.description, number)
    alliance.send(alliance.proposing(made), MALLORY.voter)
    return made


def scope_of(alliance: Alliance, asked: Proposal, seats: str = "") -> evidence.Scope:
    return evidence.scope(
        governor=alliance.governor.address,
        seats=seats or alliance.seats.address,
        timelock=alliance.timelock.address,
        proposal_id=asked.id,
        content=(asked.targets, [0] * len(asked.targets), asked.calls, asked.description),
    )


def bundle(alliance: Alliance, asked: Proposal, logs: list[Document]) -> bytes:
    return canonical.sealed(
        {
            "format": FORMAT,
            "ledger": {"chain_id": alliance.ledger.eth.chain_id, "governor": alliance.governor.address},
            "proposal": {
                "id": str(asked.id), "number": 7, "text": TEXT, "description": asked.description,
                "targets": asked.targets, "values": ["0"] * len(asked.targets), "calldatas": asked.calls,
            },
            "attachments": [], "logs": logs, "ballots": [], "lists": [], "acknowledgements": [],
        }
    )  # fmt: skip


def findings(content: bytes, source: Source, **trusted: Any) -> list[Finding]:
    return list(checks.check(Checked(Bundle.read(content), source, None, Trusted(**trusted))))


def code_of(content: bytes, source: Source, **trusted: Any) -> str:
    try:
        findings(content, source, **trusted)
    except (NotProven, CannotCheck) as error:
        return error.code
    return ""


def executed_lies(asked: Proposal, operation: str) -> list[Any]:
    """That the timelock carried it all out, and that the governor says so."""
    done = [
        (
            [topic("TimelockController", "CallExecuted"), bytes.fromhex(operation[2:]), index.to_bytes(32)],
            encode(["address", "uint256", "bytes"], [target, 0, bytes.fromhex(call[2:])]),
        )
        for index, (target, call) in enumerate(zip(asked.targets, asked.calls, strict=True))
    ]
    return [*done, ([topic("ConsortiumGovernor", "ProposalExecuted")], encode(["uint256"], [asked.id]))]


def revoked(bank: Bank) -> Any:
    return [topic("Seats", "SeatRevoked"), bank.id], b""


def test_a_target_can_not_tell_of_seats_and_of_its_own_execution(
    alliance: Alliance, own_ledger: EmbeddedLedger
) -> None:
    """One vote of five, and a contract of the proposer's that says the rest."""
    web3 = alliance.ledger
    liar = contract_of(MALLORY.voter, web3.eth.get_transaction_count(MALLORY.key.address) + 1)
    grant = alliance.timelock.encode_abi("grantRole", [PROPOSER_ROLE, MALLORY.voter])
    asked = proposed(alliance, [alliance.timelock.address, liar], [grant, "0xdeadbeef"])
    scope = scope_of(alliance, asked)
    lies = [*map(revoked, FOUNDERS[1:]), *executed_lies(asked, scope.operation)]
    receipt = send(web3, MALLORY.key, telling(lies))
    assert receipt["contractAddress"] == liar
    alliance.mine_at(alliance.snapshot(asked) + 1)
    alliance.send(alliance.governor.functions.castVote(asked.id, FOR), MALLORY.voter)

    with LedgerSource(own_ledger.url, 0) as source:
        every = source.logs(scope.addresses)
        forged = [log for log in every if log["address"] == liar.lower() or scope.holds(log)]
        assert len(forged) > len(lies)
        assert code_of(bundle(alliance, asked, forged), source) == "log_put_in"
        honest = bundle(alliance, asked, [log for log in every if scope.holds(log)])
        told = [finding.what for finding in findings(honest, source)]
    assert "the proposal was not executed" in told
    assert "5 seats with a vote at the snapshot" in told


def test_a_file_does_not_choose_the_seats(alliance: Alliance, own_ledger: EmbeddedLedger) -> None:
    """A seats contract of Mallory's own, in which Mallory's friends vote and only they."""
    asked = proposed(alliance, [alliance.timelock.address], ["0x"])
    closed = encode(["address", "address"], [alliance.governor.address, alliance.timelock.address])
    seat = encode(["uint8", "address"], [1, MALLORY.voter])
    lies = [
        ([topic("Seats", "SeatGranted"), MALLORY.id], seat),
        ([topic("Seats", "FoundingClosed")], closed),
    ]
    fake = send(alliance.ledger, MALLORY.key, telling(lies))["contractAddress"]
    assert fake is not None
    alliance.mine_at(alliance.snapshot(asked) + 1)
    scope = scope_of(alliance, asked, fake)
    with LedgerSource(own_ledger.url, 0) as source:
        forged = [log for log in source.logs(scope.addresses) if scope.holds(log)]
        content = bundle(alliance, asked, forged)
        assert code_of(content, source) == "event_count"
        assert code_of(content, source, seats=fake) == "other_seats"
        assert code_of(content, source, governor=fake) == "governor_not_yours"
        first = forged[0]["block"]
        source.first = first
        blocks = source.export(set(), forged[-1]["block"], as_given=True)
    offline = BlocksSource(blocks, as_given=True)
    assert code_of(content, offline) == "seats_untold"
    assert code_of(content, offline, seats=alliance.seats.address) == "event_count"
    assert code_of(content, offline, seats=fake, since=0) == "begins_late"


def test_seats_from_before_the_first_log_are_missed(alliance: Alliance, own_ledger: EmbeddedLedger) -> None:
    """A bundle that begins after the first seats would make the quorum smaller."""
    asked = proposed(alliance, [alliance.timelock.address], ["0x"])
    alliance.mine_at(alliance.snapshot(asked) + 1)
    scope = scope_of(alliance, asked)
    with LedgerSource(own_ledger.url, 0) as source:
        every = [log for log in source.logs(scope.addresses) if scope.holds(log)]
        assert code_of(bundle(alliance, asked, every), source) == ""
        later = [log for log in every if log["block"] > every[0]["block"]]
        assert code_of(bundle(alliance, asked, later), source) == "log_left_out"
    with LedgerSource(own_ledger.url, later[0]["block"]) as source:
        assert code_of(bundle(alliance, asked, later), source) == "other_electorate"
        assert code_of(bundle(alliance, asked, later), source, since=every[0]["block"]) == "begins_late"


@pytest.mark.parametrize("lines", [
    [f"Text SHA-256: {HASH}", "Text SHA-256: " + "ab" * 32],
    ["Text SHA-256: " + "ab" * 32, f"Text SHA-256: {HASH}"],
    ["Attachment SHA-256: 00 (1 bytes) a", f"Text SHA-256: {HASH}"],
    [f"Subject: x\u2028Text SHA-256: {HASH}"],
    [f"Text SHA-256: {HASH}\r"],
    [f"Text SHA-256: {HASH}", "Text SHA-256:"],
])  # fmt: skip
def test_a_description_names_one_text_at_its_place(lines: list[str]) -> None:
    """Or one proposal would have two texts, and both would be proven."""
    governor = "0x" + "1" * 40
    bound = f"#governor=eip155:1:{governor}\n#proposer={governor}"
    good = f"Proposal 7: x\nSubject: y\nText SHA-256: {HASH}\nAttachment SHA-256: 00 (1 bytes) a\n{bound}"
    assert console.is_text_of(TEXT, good)

    written = "\n".join(["Proposal 7: x", *lines, bound])

    assert not console.is_text_of(TEXT, written)
    asked = Asked(0, 7, TEXT, written, [], [], [])
    source: Any = None  # nothing is asked before the text fits
    told = Checked(Bundle(1, governor, asked, [], [], [], [], []), source)
    with pytest.raises(NotProven) as refused:
        next(checks.check(told))
    assert refused.value.code in {"text_hashes", "other_form"}
