"""An honest decision stays provable, in whatever way ballots and execution came to the ledger."""

from __future__ import annotations

import json
from pathlib import Path

from eth_account import Account
from web3 import Web3

from governance.bundles import bundle_of
from governance.proposals.models import Ballot, Proposal
from governance.verify import canonical, events
from tests.proposals.stage import Stage, rpc
from tests.verify.lies import calling, send
from tests.verify.test_verify import verify

ANYBODY = Account.from_key(Web3.keccak(text="anybody on the ledger"))
EXECUTOR_ROLE = bytes(Web3.keccak(text="EXECUTOR_ROLE"))


def through_a_contract(stage: Stage, proposal: Proposal, ballot: dict[str, object]) -> None:
    """Handed to the governor by somebody who saw the ballot, from a contract: no relay's, no member's own."""
    number, signature = int(proposal.chain_proposal_id), bytes.fromhex(str(ballot["signature"])[2:])
    vote = stage.governor.encode_abi("castVoteBySig", [number, 1, ballot["voter"], signature])
    send(stage.web3, ANYBODY, calling(stage.governor.address, bytes.fromhex(vote[2:])))
    assert stage.governor.functions.hasVoted(number, ballot["voter"]).call()


def test_ballots_in_another_spelling_or_brought_by_somebody_else(stage: Stage, tmp_path: Path) -> None:
    proposal = stage.voting("admit_institution")
    older, hurried, withheld = stage.banks[:3]
    stage.cast(older, proposal)
    stage.relay()
    row = Ballot.objects.get(proposal=proposal)
    Ballot.objects.filter(pk=row.pk).update(signature=row.signature[2:].upper())
    seen = stage.cast(hurried, proposal)
    through_a_contract(stage, proposal, {"voter": seen.voter, "signature": seen.signature})
    through_a_contract(stage, proposal, stage.ballot(withheld, proposal))
    stage.index()

    document = json.loads(bundle_of(proposal))
    signatures = [one["signature"] for one in document["ballots"]]
    assert len(signatures) == 2
    assert {(len(one), one[:2]) for one in signatures} == {(132, "0x")}
    said = told(canonical.sealed(document), stage, tmp_path)
    assert "2 votes ↔ seats' voting addresses: 2 signed ballots" in said
    assert "reported (vote_without_ballot)  counted by the governor" in said
    assert "Counted without a ballot in this bundle: 1 of the votes" in said
    bare = [{**one, "signature": one["signature"][2:]} for one in document["ballots"]]
    assert "2 signed ballots" in told(canonical.sealed({**document, "ballots": bare}), stage, tmp_path)


def told(bundle: bytes, stage: Stage, tmp_path: Path) -> str:
    """What the command says of a bundle that holds."""
    (tmp_path / "bundle.json").write_bytes(bundle)
    url = stage.web3.provider.endpoint_uri  # type: ignore[attr-defined]
    said = verify(tmp_path / "bundle.json", "--ledger", url)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def test_what_is_carried_out_at_the_timelock_itself_is_carried_out(stage: Stage, tmp_path: Path) -> None:
    """The governor tells of no execution then. Alliances that were founded earlier let anybody do it."""
    rpc(stage.web3, "anvil_impersonateAccount", stage.timelock.address)
    stage.rule(stage.timelock.functions.grantRole(EXECUTOR_ROLE, ANYBODY.address))
    bank = stage.banks[0]
    proposal = stage.due("suspend", institution=bank)
    description = Web3.keccak(text=proposal.description)
    governor = bytes.fromhex(stage.governor.address[2:]).ljust(32, b"\0")
    salt = bytes(one ^ other for one, other in zip(governor, description, strict=True))
    calls = [proposal.targets, [0] * len(proposal.targets), proposal.calldatas, bytes(32), salt]
    done = stage.timelock.encode_abi("executeBatch", calls)
    send(stage.web3, ANYBODY, done, stage.timelock.address)
    stage.index()

    document = json.loads(bundle_of(proposal))
    said = told(canonical.sealed(document), stage, tmp_path)
    assert "execution at the timelock itself" in said
    assert f"suspend ↔ SeatSuspended of {stage.seats.address}" in said
    names = [found.name for log in document["logs"] if (found := events.event(log)) is not None]
    assert "ProposalExecuted" not in names
    logs = [log for log, name in zip(document["logs"], names, strict=True) if name != "CallExecuted"]
    (tmp_path / "silent.json").write_bytes(canonical.sealed({**document, "logs": logs}))
    url = stage.web3.provider.endpoint_uri  # type: ignore[attr-defined]
    silent = verify(tmp_path / "silent.json", "--ledger", url)
    assert (silent.returncode, "(log_left_out)" in silent.stdout) == (1, True)
