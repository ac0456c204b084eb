"""Putting a bundle together. Whoever checks it believes none of this: see ``governance.verify``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError
from governance.bundles import lists
from governance.chain import calls, folds
from governance.chain import ledger as gateway
from governance.chain.errors import LedgerMoved, UnknownCall
from governance.chain.models import ChainEvent, Ledger, OnChainProposal
from governance.proposals import facts
from governance.proposals.models import Ballot, Proposal
from governance.verify import ballots, canonical, evidence
from governance.verify.document import FORMAT
from governance.verify.document import Ballot as BundleBallot
from governance.verify.errors import NotProven

_AT_ONCE = 100  # receipts asked for in one request


class NotOnLedger(ConsoleError):
    """There is nothing to prove yet."""

    code = "not_on_ledger"
    status = 409
    message = _("Proposal %(number)s is not on the ledger: there is nothing to export yet.")


def bundle_of(proposal: Proposal) -> bytes:
    """The proposal's bundle. Raises NotOnLedger, LedgerUnreachable, LedgerMoved."""
    row = facts.read_one(proposal).on_ledger
    if row is None:
        raise NotOnLedger(number=proposal.number)
    followed = lists.following(proposal, row)
    return canonical.sealed(
        {
            "format": FORMAT,
            "ledger": {"chain_id": proposal.ledger.chain_id, "governor": row.governor},
            "proposal": _asked(proposal, row),
            "attachments": [
                {"name": one.name, "sha256": one.sha256, "size": one.size}
                for one in proposal.attachments.all()
            ],
            "logs": _logs(proposal.ledger, row),
            "ballots": _ballots(proposal, row),
            "lists": [one.document for one in followed],
            "acknowledgements": [said for one in followed for said in one.acknowledgements],
        }
    )


def _asked(proposal: Proposal, row: OnChainProposal) -> dict[str, Any]:
    return {
        "id": row.proposal_id,
        "number": proposal.number,
        "text": proposal.text,
        "description": row.description,
        "targets": row.targets,
        "values": [str(value) for value in row.values],
        "calldatas": row.calldatas,
    }


def _logs(ledger: Ledger, row: OnChainProposal) -> list[dict[str, Any]]:
    """The ledger's own logs of all that the story needs, up to the proposal's last."""
    scope = _scope(ledger, row)
    ours = (
        Q(about=f"{folds.PROPOSAL}:{row.proposal_id}")
        | Q(about__startswith=f"{folds.VOTE}:{row.proposal_id}:")
        | Q(about=f"{folds.OPERATION}:{scope.operation}")
    )
    told = ChainEvent.objects.filter(ledger=ledger)
    last = told.filter(ours).order_by("-block").values_list("block", flat=True).first() or row.block
    seats = Q(name__in=evidence.SEAT_EVENTS, block__lte=last)
    hashes = list(
        dict.fromkeys(told.filter(ours | seats).order_by("block").values_list("tx_hash", flat=True))
    )
    found = [evidence.plain(log) for receipt in _receipts(ledger, hashes) for log in receipt["logs"]]
    scope = scope.carried_out(found)
    return evidence.in_order(log for log in found if scope.holds(log))


def _scope(ledger: Ledger, row: OnChainProposal) -> evidence.Scope:
    values = [int(value) for value in row.values]
    return evidence.scope(
        governor=row.governor,
        seats=ledger.seats,
        timelock=ledger.timelock,
        proposal_id=int(row.proposal_id),
        content=(row.targets, values, row.calldatas, row.description),
    )


def _receipts(ledger: Ledger, hashes: list[str]) -> list[dict[str, Any]]:
    provider = gateway.provider(gateway.web3(ledger))
    found: list[Any] = []
    for start in range(0, len(hashes), _AT_ONCE):
        part = hashes[start : start + _AT_ONCE]
        found += provider.ask_many([("eth_getTransactionReceipt", [one]) for one in part])
    if not all(isinstance(receipt, dict) for receipt in found):
        raise LedgerMoved(block=0)  # a transaction that was indexed is not there: the indexer will notice
    return found


def _ballots(proposal: Proposal, row: OnChainProposal) -> list[dict[str, Any]]:
    """Signed ballots behind the votes that count, whoever brought them to the ledger, and in whatever way.

    One that does not prove its vote is left out: the governor counts what a voter's contract says is signed.
    """
    cast = ChainEvent.objects.filter(about__startswith=f"{folds.VOTE}:{row.proposal_id}:", ledger=row.ledger)
    stored = _stored(proposal)
    found = []
    for args, tx_hash in cast.values_list("args", "tx_hash"):
        voter, support = args["voter"], args["support"]
        signatures = stored.get((voter, support), [])
        signed = (BundleBallot(voter, support, one) for one in chain(signatures, _sent(row.ledger, tx_hash)))
        good = next((one for one in signed if _proves(row, one)), None)
        if good is not None:
            found.append({"voter": voter, "support": support, "signature": good.signature})
    return sorted(found, key=lambda one: str(one["voter"]))


def _stored(proposal: Proposal) -> dict[tuple[str, int], list[str]]:
    """Signatures by what they were handed in for; in the one spelling that a bundle has."""
    found: dict[tuple[str, int], list[str]] = {}
    for ballot in Ballot.objects.filter(proposal=proposal).order_by("pk"):
        found.setdefault((ballot.voter, ballot.support), []).append(_spelled(ballot.signature))
    return found


def _spelled(signature: str) -> str:
    return "0x" + "".join(signature.split()).lower().removeprefix("0x")


def _proves(row: OnChainProposal, ballot: BundleBallot) -> bool:
    try:
        signer = ballots.signer_for(row.ledger.chain_id, row.governor, int(row.proposal_id), ballot)
    except NotProven:
        return False
    return signer == ballot.voter


def _sent(ledger: Ledger, tx_hash: str) -> Iterator[str]:
    """The signature in a transaction that somebody else sent straight to the governor."""
    signature = _signature(ledger, tx_hash)
    if signature is not None:
        yield _spelled(signature)


def _signature(ledger: Ledger, tx_hash: str) -> str | None:
    """The ballot's signature in a transaction that somebody else relayed; None for a member's own vote."""
    (sent,) = gateway.provider(gateway.web3(ledger)).ask_many([("eth_getTransactionByHash", [tx_hash])])
    if not isinstance(sent, dict) or not sent.get("to"):
        return None
    try:
        name, arguments = calls.decode(calls.Call(sent["to"], 0, sent["input"]))
    except (UnknownCall, ValueError):
        return None
    return str(arguments["signature"]) if name == "castVoteBySig" else None
