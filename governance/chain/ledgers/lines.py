"""Ledgers, proposals, wishes and nodes as lists show them: a fixed number of queries, however many rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.core import clock
from consortium.members.models import Institution, Node
from governance.chain.ledgers import rules, selectors, wishes
from governance.chain.ledgers.base import State
from governance.chain.ledgers.committee import state_of
from governance.chain.ledgers.models import (
    CommitteeGovernor,
    CommitteeProposal,
    CommitteeState,
    CommitteeVote,
    CommitteeWish,
    GovernedLedger,
    LedgerReading,
)
from governance.chain.ledgers.wishes import WishState
from governance.chain.models import IndexedBlock, Ledger, RegistryEntry, RpcNode
from governance.contracts import fisco

UNWATCHED = timedelta(minutes=1)  # the chain worker reads and looks every few seconds
Kind = GovernedLedger.Kind


# --- Ledgers ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Health:
    """How a ledger is read, and who answers for it. ``name`` is for a colour, ``words`` for people."""

    name: str  # good, partly, idle, unread, trouble or stale
    words: str | Promise
    trusted: int  # addresses that may be asked
    addresses: int
    head: int | None = None
    head_time: datetime | None = None
    read_at: datetime | None = None
    detail: str = ""  # of trouble, in the words of whoever made it: for the secretariat


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A ledger: the alliance's own, or one of the table. ``row`` is None for the first."""

    slug: str
    kind: str
    chain_id: int
    genesis_hash: str
    health: Health
    row: GovernedLedger | None = None
    own: Ledger | None = None
    open_proposals: int = 0
    waiting_wishes: int = 0

    @property
    def kind_label(self) -> str | Promise:
        return Kind(self.kind).label


_WORDS: dict[str, str | Promise] = {
    "good": _("read, all addresses answer"),
    "partly": _("read, not every address can be trusted"),
    "idle": _("read; it has made no block for long"),
    "unread": _("not read yet"),
    "trouble": _("can't be read"),
    "stale": _("nobody looks: the chain worker is down"),
}


def ledgers(rows: Sequence[GovernedLedger]) -> list[LedgerLine]:
    """Of the table's rows, which were read with ``reading``."""
    now = clock.now()
    trusted, known = _nodes_by_ledger()
    proposals = _count(CommitteeProposal, rows, status=fisco.OPEN)
    waiting = _count(CommitteeWish, rows, cancelled_at=None, number=None)
    return [
        LedgerLine(
            slug=row.slug,
            kind=row.kind,
            chain_id=row.chain_id,
            genesis_hash=row.genesis_hash,
            health=_health(row, trusted[row.pk], known[row.pk], now),
            row=row,
            open_proposals=proposals[row.pk],
            waiting_wishes=waiting[row.pk],
        )
        for row in rows
    ]


def alliances_own() -> LedgerLine | None:
    """The ledger that the alliance's governor contract governs; None until it is deployed."""
    found = Ledger.objects.filter(deploying=False).first()
    if found is None:
        return None
    trusted, known = _nodes_by_ledger()
    newest = IndexedBlock.objects.filter(ledger=found).order_by("-number").first()
    name = "unread" if newest is None else "partly" if trusted[""] < known[""] else "good"
    seen = RpcNode.objects.filter(ledger="").order_by("-asked_at").values_list("asked_at", flat=True).first()
    if seen is None or clock.now() - seen > UNWATCHED:
        name = "stale"
    elif not trusted[""]:
        name = "trouble"
    health = Health(
        name,
        _WORDS[name],
        trusted[""],
        known[""],
        newest.number if newest else None,
        newest.timestamp if newest else None,
        seen,
    )
    return LedgerLine(found.slug, Kind.GOVERNOR, found.chain_id, found.genesis_hash, health, own=found)


def _health(row: GovernedLedger, trusted: int, known: int, now: datetime) -> Health:
    reading: LedgerReading | None = getattr(row, "reading", None)
    name = _health_name(row, reading, now)
    if name == "good" and trusted < known:
        name = "partly"
    if reading is None:
        return Health(name, _WORDS[name], trusted, known)
    return Health(
        name,
        _WORDS[name],
        trusted,
        known,
        reading.head,
        reading.head_time,
        reading.read_at,
        reading.detail,
    )


def _health_name(row: GovernedLedger, reading: LedgerReading | None, now: datetime) -> str:
    if reading is None or reading.tried_at is None:
        return "unread"
    if now - reading.tried_at > UNWATCHED:
        return "stale"
    if reading.trouble:
        return "trouble"
    idle = reading.head_time is not None and now - reading.head_time > timedelta(seconds=row.idle_after)
    return "idle" if idle else "good"


def _nodes_by_ledger() -> tuple[Counter[str], Counter[str]]:
    """Trusted addresses and all, by ledger; "" for the alliance's own."""
    found = RpcNode.objects.order_by().values_list("ledger")
    counted = found.annotate(all=Count("key"), trusted=Count("key", filter=Q(fault="")))
    trusted: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for ledger, every, good in counted:
        known[ledger], trusted[ledger] = every, good
    return trusted, known


def _count(
    model: type[CommitteeProposal | CommitteeWish], rows: Sequence[GovernedLedger], **which: object
) -> Counter[str]:
    found = model._default_manager.filter(ledger__in=rows, **which).order_by().values_list("ledger")
    return Counter(dict(found.annotate(n=Count("pk"))))


# --- Proposals and wishes -----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ProposalLine:
    """A committee's proposal in a list."""

    proposal: CommitteeProposal
    state: State
    state_words: str
    action_words: str
    tally: rules.Tally
    deadline: selectors.DeadlineView | None  # of an open one

    @property
    def tone(self) -> str:
        return tone(self.state)

    @property
    def short_words(self) -> str:
        return short(self.action_words)


_LONG = re.compile(r"\b[0-9a-zA-Z]{24,}\b")


def short(words: str) -> str:
    """What it does, with long identifiers cut for a list."""
    return _LONG.sub(lambda found: f"{found[0][:8]}…{found[0][-6:]}", words)


def tone(state: State) -> str:
    """A state's name for its colour: "applied" is said of applicants, too, and there it is no end."""
    return "executed" if state is State.APPLIED else state.value


@dataclass(frozen=True, slots=True)
class WishLine:
    """A wish in a list."""

    wish: CommitteeWish
    state: WishState
    state_words: str
    action_words: str

    @property
    def short_words(self) -> str:
        return short(self.action_words)


def proposals(rows: Sequence[CommitteeProposal], now: datetime) -> list[ProposalLine]:
    """Of rows that were read with ``ledger``."""
    states = {each.ledger_id: each for each in CommitteeState.objects.filter(ledger__in=_ledgers(rows))}
    weights = _weights(rows)
    votes = _votes(rows)
    return [
        _proposal(row, states[row.ledger_id], weights.get(row.ledger_id, {}), votes, now)
        for row in rows
        if row.ledger_id in states
    ]


def _proposal(
    row: CommitteeProposal,
    state: CommitteeState,
    weights: dict[str, int],
    votes: dict[tuple[str, int], rules.Votes],
    now: datetime,
) -> ProposalLine:
    current = state_of(row.status, int(row.deadline), state.head, row.applied)
    decided_by = rules.Rules(weights, state.participation, state.win)
    return ProposalLine(
        proposal=row,
        state=current,
        state_words=selectors.state_words(current),
        action_words=selectors.action_words(row.type, row.arguments),
        tally=rules.tally(decided_by, votes.get((row.ledger_id, row.number), rules.Votes())),
        deadline=selectors.deadline(row, state, now) if row.status == fisco.OPEN else None,
    )


def _ledgers(rows: Sequence[CommitteeProposal]) -> set[str]:
    return {row.ledger_id for row in rows}


def _weights(rows: Sequence[CommitteeProposal]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for each in CommitteeGovernor.objects.filter(ledger__in=_ledgers(rows)):
        found.setdefault(each.ledger_id, {})[each.address] = each.weight
    return found


def _votes(rows: Sequence[CommitteeProposal]) -> dict[tuple[str, int], rules.Votes]:
    found: dict[tuple[str, int], rules.Votes] = {}
    cast = CommitteeVote.objects.filter(ledger__in=_ledgers(rows), number__in=[row.number for row in rows])
    for vote in cast:
        key = (vote.ledger_id, vote.number)
        found[key] = found.get(key, rules.Votes()).plus(vote.voter, vote.agree)
    return found


def wished(rows: Sequence[CommitteeWish]) -> list[WishLine]:
    """Of wishes, in their order."""
    states = wishes.states(rows)
    return [
        WishLine(
            row,
            states[row.pk],
            str(wishes.LABELS[states[row.pk]]),
            selectors.action_words(row.type, row.arguments),
        )
        for row in rows
    ]


# --- Governors ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class GovernorLine:
    """A governor: its weight of this moment, and on a proposal its vote or what its vote would do next."""

    address: str
    weight: int
    institution: Institution | None
    vote: CommitteeVote | None = None
    if_agree: rules.Outcome | None = None
    if_against: rules.Outcome | None = None
    former: bool = False  # it voted, and is no governor any more: its vote has no weight


def governors(ledger: GovernedLedger) -> list[GovernorLine]:
    """The committee, the heaviest first."""
    rows = list(ledger.governors.order_by("-weight", "address"))
    whose = _institutions([row.address for row in rows])
    return [GovernorLine(row.address, row.weight, whose.get(row.address)) for row in rows]


def voters(proposal: CommitteeProposal, outlook: rules.Outlook | None) -> list[GovernorLine]:
    """Who voted how with which weight, and who has not; those who have first, in the order of the ledger."""
    weights = dict(proposal.ledger.governors.order_by("-weight", "address").values_list("address", "weight"))
    cast = CommitteeVote.objects.filter(ledger=proposal.ledger_id, number=proposal.number)
    votes = {vote.voter: vote for vote in cast.order_by("block", "pk")}
    whose = _institutions([*weights, *votes])
    return [
        GovernorLine(
            address=address,
            weight=weights.get(address, 0),
            institution=whose.get(address),
            vote=votes.get(address),
            if_agree=outlook.if_agree.get(address) if outlook else None,
            if_against=outlook.if_against.get(address) if outlook else None,
            former=address not in weights,
        )
        for address in [*votes, *(each for each in weights if each not in votes)]
    ]


def _institutions(addresses: Sequence[str]) -> dict[str, Institution]:
    found = Institution.objects.filter(voting_address__in=addresses)
    return {str(each.voting_address): each for each in found}


# --- Nodes ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class NodeLine:
    """A node as the ledger lists it, beside what the alliance decided and registered.

    ``role``: on the ledger, 0 where it is in none of its lists. ``decided``: in the alliance's registry, None
    where that does not say. ``drift``: how the two disagree, empty where they don't.
    """

    consensus_id: str
    role: int
    weight: int
    node: Node | None
    decided: int | None
    drift: str
    drift_words: str | Promise


_DRIFT: dict[str, str | Promise] = {
    "": _("as it should be"),
    "unknown": _("on the ledger, but no member has registered it here"),
    "retired": _("retired here, still on the ledger"),
    "missing": _("admitted by the alliance, not on the ledger"),
    "differs": _("another role than the alliance decided"),
}


def nodes(ledger: GovernedLedger) -> list[NodeLine]:
    """Whom the ledger lists, whom it should, and where the two drift apart; disagreements first."""
    listed = {row.consensus_id: row for row in ledger.nodes.all()}
    decided = _decided(ledger)
    wanted = [*listed, *decided]
    known = Node.objects.filter(consensus_id__in=wanted).select_related("institution", "network")
    if ledger.network_id is not None:
        known = known.filter(network=ledger.network_id)
    ours = {node.consensus_id: node for node in known}
    lines = []
    for consensus_id in dict.fromkeys(wanted):
        row, node = listed.get(consensus_id), ours.get(consensus_id)
        role = row.role if row else 0
        drift = _drift(role, decided.get(consensus_id), node)
        lines.append(
            NodeLine(
                consensus_id,
                role,
                row.weight if row else 0,
                node,
                decided.get(consensus_id),
                drift,
                _DRIFT[drift],
            )
        )
    return sorted(lines, key=lambda line: (not line.drift, -line.role, line.consensus_id))


def _decided(ledger: GovernedLedger) -> dict[str, int]:
    """Roles that the members of the alliance decided for the ledger's network."""
    if ledger.network_id is None:
        return {}
    entries = RegistryEntry.objects.filter(network=ledger.network_id)
    now = clock.now()
    return {each.consensus_id: 0 if each.is_frozen(now) else each.role for each in entries}


def _drift(role: int, decided: int | None, node: Node | None) -> str:
    if role and node is None:
        return "unknown"
    if role and node is not None and node.retired_at is not None:
        return "retired"
    if decided is None or decided == role:
        return ""
    return "differs" if role else "missing"
