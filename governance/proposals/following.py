"""What happens to our proposals on the ledger, as events of ours.

Called in the indexer's own transaction. A rebuilt projection, or a block that came back after a
reorganisation, tells the same story again: what is on record already is not written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from consortium.core import events
from consortium.core.events import INDEXER, Entry
from consortium.core.models import Event
from governance.chain.models import OnChainProposal
from governance.chain.relay import RELAY
from governance.proposals import facts, rules
from governance.proposals.models import Ballot, Proposal
from governance.proposals.services import adopting, executing
from governance.proposals.services.common import entry, record


def declare() -> None:
    """Subscribe to what the chain and the relay record."""
    events.on_together([*_STORIES, _VOTE, _TAKEN_BACK], _chain_moved)
    events.on("relay.refused", _relay_refused)


def _chain_moved(told: Sequence[Event]) -> None:
    """All that a range of blocks holds at once: the queries don't grow with the events on a proposal."""
    known = _Known(told)
    known.settle_adopted()
    entries: list[Entry] = []
    for event in told:
        if event.action not in _STORIES and event.action != _VOTE:
            continue
        proposal = known.proposal(event)
        if proposal is None:
            continue
        found = _counted(event) if event.action == _VOTE else _STORIES[event.action](event, proposal)
        if found is not None and known.is_news(*found, proposal):
            action, data = found
            entries.append(entry(action, proposal, **data))
    events.record_all(entries, actor=INDEXER)
    _owe(known, told)


class _Known:
    """Our proposals that events are about (one that was opened past the console becomes ours here), what the
    ledger has of them, and what is on record."""

    def __init__(self, told: Sequence[Event]) -> None:
        ids = {event.data["proposal_id"] for event in told}
        rows = OnChainProposal.objects.filter(proposal_id__in=ids)
        self.rows = {row.proposal_id: row for row in rows}
        self._last = {event.data["proposal_id"]: event.data["tx_hash"] for event in told}
        ours = Proposal.objects.filter(chain_proposal_id__in=ids).select_related("withdraw_tx", "ledger")
        self._ours = {proposal.chain_proposal_id: proposal for proposal in ours}
        self._recorded = self._on_record(told)

    def proposal(self, event: Event) -> Proposal | None:
        """None for what is not on the ledger any more."""
        proposal_id = event.data["proposal_id"]
        row = self.rows.get(proposal_id)
        if row is None:
            return None
        if proposal_id not in self._ours:
            self._ours[proposal_id] = adopting.adopt(row)
        return self._ours[proposal_id]

    def settle_adopted(self) -> None:
        """A reorganisation takes away what was opened without the console; it may come again."""
        for proposal_id, proposal in self._ours.items():
            if proposal_id in self.rows:
                adopting.bring_back(proposal)
            else:
                adopting.take_back(proposal, tx_hash=self._last[proposal_id])

    def is_news(self, action: str, data: dict[str, Any], proposal: Proposal) -> bool:
        """Not on record yet; from now on it is."""
        key = (str(proposal.pk), action, data["tx_hash"], data.get("voter"))
        if key in self._recorded:
            return False
        self._recorded.add(key)
        return True

    def unsettled(self) -> list[tuple[Proposal, OnChainProposal]]:
        """Those that something may still have to be done for."""
        found = [(proposal, self.rows.get(key)) for key, proposal in self._ours.items()]
        return [
            (proposal, row)
            for proposal, row in found
            if row is not None and row.executed_at is None and row.canceled_at is None
        ]

    def _on_record(self, told: Iterable[Event]) -> set[tuple[Any, ...]]:
        known = Event.objects.filter(
            subject_type=Proposal._meta.label_lower,
            subject_id__in=[str(proposal.pk) for proposal in self._ours.values()],
            action__in=_RECORDED,
            data__tx_hash__in=list({event.data["tx_hash"] for event in told}),
        )
        return set(known.values_list("subject_id", "action", "data__tx_hash", "data__voter"))


# --- What is recorded ---------------------------------------------------------------------------------------
_Found = tuple[str, dict[str, Any]]


def _created(event: Event, proposal: Proposal) -> _Found:
    return "proposal.on_ledger", {"tx_hash": event.data["tx_hash"], "block": event.data["block"]}


def _extended(event: Event, proposal: Proposal) -> _Found:
    """A late vote reached the quorum: others get time to answer it."""
    return "proposal.extended", {"tx_hash": event.data["tx_hash"], "vote_end": event.data["vote_end"]}


def _queued(event: Event, proposal: Proposal) -> _Found:
    told = {"tx_hash": event.data["tx_hash"], "effective_at": event.data["effective_at"]}
    return "proposal.queued", told


def _executed(event: Event, proposal: Proposal) -> _Found:
    return "proposal.executed", {"tx_hash": event.data["tx_hash"]}


def _canceled(event: Event, proposal: Proposal) -> _Found:
    """By its proposer before the vote began, else by the guardians."""
    sent, tx_hash = proposal.withdraw_tx, event.data["tx_hash"]
    # With a higher fee it is sent again, and either may be the one that is mined.
    ours = sent is not None and tx_hash in {sent.tx_hash, *sent.earlier_hashes}
    return "proposal.canceled", {"tx_hash": tx_hash, "withdrawn": ours}


def _counted(event: Event) -> _Found:
    told: dict[str, Any] = {key: event.data[key] for key in ("tx_hash", "voter", "support")}
    return "ballot.counted", {**told, "institution_id": event.institution_id}


_VOTE = "chain.vote_cast"
_TAKEN_BACK = "chain.proposal_taken_back"
_STORIES: dict[str, Callable[[Event, Proposal], _Found | None]] = {
    "chain.proposal_created": _created,
    "chain.proposal_extended": _extended,
    "chain.proposal_queued": _queued,
    "chain.proposal_executed": _executed,
    "chain.proposal_canceled": _canceled,
}
_RECORDED = (
    "proposal.on_ledger",
    "proposal.extended",
    "proposal.queued",
    "proposal.executed",
    "proposal.canceled",
    "ballot.counted",
)


# --- What is owed -------------------------------------------------------------------------------------------
def _owe(known: _Known, told: Sequence[Event]) -> None:
    """Look at each when its voting ends, when the timelock lets it go, and when nothing can change it."""
    moved = {event.data["proposal_id"]: set[str]() for event in told}
    for event in told:
        moved[event.data["proposal_id"]].add(event.action)
    voted = []
    for proposal, row in known.unsettled():
        actions = moved[row.proposal_id]
        if "chain.proposal_created" in actions:
            executing.owe_at_deadline(proposal, row)
        if "chain.proposal_queued" in actions and row.effective_at is not None:
            executing.owe_at(proposal, row.effective_at)
        if _VOTE in actions:
            voted.append(proposal)
    read = facts.read(voted)
    for proposal in voted:
        on_ledger = read[proposal.pk].facts.on_ledger
        if on_ledger is not None and rules.decided(on_ledger.count):
            executing.owe(proposal)


def _relay_refused(event: Event) -> None:
    """``data["key"]`` says whose transaction it was: ballot: and the row's id, or an attempt of ours."""
    purpose, _, rest = str(event.data.get("key", "")).partition(":")
    code = str(event.data.get("error_code", ""))
    if purpose == "ballot":
        _ballot_refused(rest, code)
    elif purpose in _ATTEMPTS:
        _attempt_refused(purpose, rest, code)


def _ballot_refused(primary_key: str, code: str) -> None:
    ballot = Ballot.objects.select_related("proposal").filter(pk=primary_key).first()
    if ballot is not None:
        record(
            "ballot.refused",
            ballot.proposal,
            actor=RELAY,
            institution_id=ballot.institution_id,
            ballot=primary_key,
            voter=ballot.voter,
            code="refused_by_ledger",
            error_code=code,
        )


_ATTEMPTS = {
    "propose": "proposal.refused",
    "withdraw": "proposal.withdrawal_refused",
    "queue": "proposal.queueing_refused",
    "execute": "proposal.execution_refused",
}


def _attempt_refused(purpose: str, rest: str, code: str) -> None:
    primary_key, _, attempt = rest.partition(":")
    proposal = Proposal.objects.filter(pk=primary_key).first()
    if proposal is None:
        return
    record(_ATTEMPTS[purpose], proposal, actor=RELAY, error_code=code, attempt=int(attempt))
    if purpose in {"queue", "execute"}:
        executing.owe_after_refusal(proposal, int(attempt))
