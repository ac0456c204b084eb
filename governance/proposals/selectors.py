"""What people see of proposals: state, tally, who has voted, time left, effect. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Exists, F, Func, IntegerField, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Least

from consortium.core import clock, events
from consortium.core.models import Event
from consortium.members.models import Institution, User
from governance.chain.models import CastVote, OnChainProposal, RelayTransaction
from governance.proposals import electorate, facts, rules
from governance.proposals.models import Attachment, Ballot, Comment, Proposal

_RUNNING = {
    rules.State.SUBMITTING,
    rules.State.PENDING,
    rules.State.VOTING,
    rules.State.SUCCEEDED,
    rules.State.QUEUED,
}
_PASSED = {rules.State.SUCCEEDED, rules.State.QUEUED}


class EffectStatus(StrEnum):
    NONE = "none"  # nothing is due
    WAITING = "waiting"  # passed; queueing or execution is owed or under way
    QUEUED = "queued"  # the timelock holds it until its effective time
    REFUSED = "refused"  # the contract would not; tried again by itself for a while, and by a person
    DONE = "done"  # seen on the ledger


@dataclass(frozen=True)
class Effect:
    """What became of a proposal that passed. ``error_code`` is the contract's typed error.

    ``effective_at``: from then on it can be executed. ``attempts``: so many were refused.
    """

    status: EffectStatus
    tx_hash: str = ""
    at: datetime | None = None
    error_code: str = ""
    effective_at: datetime | None = None
    attempts: int = 0

    @property
    def is_retryable(self) -> bool:
        """Refused by the contract: what stood in its way may go away."""
        return self.status == EffectStatus.REFUSED

    @property
    def waits_for_a_person(self) -> bool:
        """Refused so often that it is not tried again by itself."""
        return self.is_retryable and self.attempts >= facts.MOST_ATTEMPTS


@dataclass(frozen=True)
class Voter:
    """A member of the electorate; the vote's fields are empty while it has not voted."""

    uscc: str
    address: str
    institution: Institution | None
    support: int | None = None
    at: datetime | None = None
    tx_hash: str = ""
    category: int = 0  # from 1, of its seat when the electorate was fixed

    @property
    def support_label(self) -> str:
        return "" if self.support is None else str(CastVote.Support(self.support).label)


@dataclass(frozen=True)
class Overview:
    """A proposal as it stands. Times are aware; ``seconds_left`` is None unless voting is open.

    ``voted`` and ``not_voted`` are filled by :func:`overview` alone; lists do with ``tally``.
    """

    proposal: Proposal
    state: rules.State
    tally: rules.Tally
    quorum: int | None
    electorate: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    seconds_left: int | None
    effect: Effect
    count: rules.Count | None = None  # by category, with the rule; None until the ledger has it
    kind: rules.Weightiness | None = None
    outlook: rules.Outlook | None = None
    voted: list[Voter] = field(default_factory=list)
    not_voted: list[Voter] = field(default_factory=list)

    @property
    def votes_missing(self) -> int:
        """For and abstain votes that the quorum still lacks."""
        return max(0, (self.quorum or 0) - self.tally.in_favour - self.tally.abstain)

    @property
    def rule(self) -> rules.Rule | None:
        """Frozen when it opened; None until the ledger has it."""
        return self.count.rule if self.count else None

    @property
    def by_category(self) -> list[CategoryShare]:
        """The categories that have seats, in order."""
        if self.count is None:
            return []
        shares = (CategoryShare(number, one) for number, one in enumerate(self.count.categories, start=1))
        return [share for share in shares if share.votes.electorate]


@dataclass(frozen=True)
class CategoryShare:
    """One industry category's part in a vote; ``number`` from 1."""

    number: int
    votes: rules.Category


class BallotStatus(StrEnum):
    RECEIVED = "received"  # here, not yet counted by the ledger
    COUNTED = "counted"
    REFUSED = "refused"


@dataclass(frozen=True)
class OwnVote:
    """How an institution's own vote stands; ``ballot`` is None for one cast without the console."""

    status: BallotStatus
    support: int
    ballot: Ballot | None
    tx_hash: str = ""
    error_code: str = ""


def visible_to(user: User) -> QuerySet[Proposal]:
    """Drafts are the secretariat's; whatever was opened, every member and the regulator may read."""
    proposals = _listing()
    return proposals if user.is_secretariat else proposals.filter(opened_at__isnull=False)


def overview(proposal: Proposal) -> Overview:
    """One proposal, with the names of who has voted and who has not."""
    read = facts.read_one(proposal)
    brief = _brief(proposal, read, clock.now())
    if read.on_ledger is None:
        return brief
    voted, missing = _roll(proposal, read.on_ledger)
    return Overview(**{**brief.__dict__, "voted": voted, "not_voted": missing})


def overviews(proposals: Iterable[Proposal]) -> list[Overview]:
    """For lists, in the order given: a fixed number of queries however many proposals."""
    listed = list(proposals)
    read, now = facts.read(listed), clock.now()
    return [_brief(proposal, read[proposal.pk], now) for proposal in listed]


def open_proposals() -> list[Overview]:
    """All that is under way: on its way to the ledger, being voted on, or passed and not executed."""
    return [brief for brief in overviews(_unsettled()) if brief.state in _RUNNING]


def votes_open() -> QuerySet[OnChainProposal]:
    """Votes that take ballots: after the snapshot's second, to the deadline's second. First to end first.

    Not those that the ballots still out can't change any more.
    """
    now = _second()
    taking = _unfinished().filter(vote_start__lt=now, vote_end__gte=now)
    decided = [pk for pk, count in facts.counts(taking).items() if rules.decided(count)]
    return taking.exclude(pk__in=decided).order_by("vote_end")


def closing(within: timedelta = rules.CLOSING) -> QuerySet[OnChainProposal]:
    """Open votes that end within that time, the first to end first."""
    return votes_open().filter(vote_end__lte=_second() + within)


def own_votes(proposals: Iterable[Proposal], institution: Institution) -> dict[UUID, OwnVote]:
    """How the institution voted, by proposal; those without a ballot of its own are not in it."""
    by_chain_id = {proposal.chain_proposal_id: proposal.pk for proposal in proposals}
    ballots = Ballot.objects.filter(proposal__in=by_chain_id.values(), institution=institution)
    answers = {
        ballot.proposal_id: _of_ballot(ballot)
        for ballot in ballots.select_related("relay").order_by("received_at")
    }
    votes = CastVote.objects.filter(proposal_id__in=by_chain_id, member_id=institution.uscc)
    for vote in votes:
        primary_key = by_chain_id[vote.proposal_id]
        earlier = answers.get(primary_key)
        answers[primary_key] = OwnVote(
            BallotStatus.COUNTED, vote.support, earlier.ballot if earlier else None, vote.tx_hash
        )
    return answers


def own_vote(proposal: Proposal, institution: Institution) -> OwnVote | None:
    """As :func:`own_votes`, for one proposal."""
    return own_votes([proposal], institution).get(proposal.pk)


def discussion(proposal: Proposal) -> QuerySet[Comment]:
    """What people said of it, the latest first."""
    rows = proposal.comments.select_related("author", "institution")
    return rows.order_by("-written_at", "-pk")


def attachments_of(proposal: Proposal) -> QuerySet[Attachment]:
    """Its files, in the order in which the description names them."""
    return proposal.attachments.all()


def timeline(proposal: Proposal) -> QuerySet[Event]:
    """All events of the proposal and its ballots, newest first."""
    return events.timeline(proposal)


def _listing() -> QuerySet[Proposal]:
    return Proposal.objects.select_related(
        "institution__category",
        "node__institution",
        "network",
        "ledger",
        "queue_tx",
        "execute_tx",
        "drafted_by",
        "opened_by",
        "amends",
    )


def _unsettled() -> QuerySet[Proposal]:
    """Opened and neither ended nor defeated nor refused: few, however many there have been."""
    opened = _listing().filter(opened_at__isnull=False, discarded_at__isnull=True)
    submitting = ~Exists(_on_ledger(OnChainProposal.objects.all())) & ~_refused()
    running = Exists(_on_ledger(_unfinished().filter(vote_end__gte=_second())))
    return opened.filter(submitting | running | Exists(_on_ledger(_passed()))).order_by("number")


def _on_ledger(rows: QuerySet[OnChainProposal]) -> QuerySet[OnChainProposal]:
    return rows.filter(ledger=OuterRef("ledger"), proposal_id=OuterRef("chain_proposal_id"))


def _refused() -> Exists:
    """The ledger would not take it. A subquery, as a join's NULLs would drop those without a transaction."""
    relays = RelayTransaction.objects.filter(pk=OuterRef("propose_tx"), status__in=facts.REFUSED_RELAYS)
    return Exists(relays)


def _unfinished() -> QuerySet[OnChainProposal]:
    return OnChainProposal.objects.filter(executed_at__isnull=True, canceled_at__isnull=True)


def _passed() -> QuerySet[OnChainProposal]:
    """Ended, passed, not executed: ``rules.passes`` as the database can ask it of all at once."""
    kinds = CastVote.Support
    ended = (
        _unfinished()
        .filter(vote_end__lt=_second())
        .annotate(
            favour=_votes(kinds.FOR),
            against=_votes(kinds.AGAINST),
            turnout=_votes(kinds.FOR, kinds.ABSTAIN),
            approval_share=_of_rule("approval", 0) * (F("favour") + F("against")),
            approval_whole=_of_rule("approval", 1) * F("favour"),
            won=_categories_won(),
            wanted=Least(_of_rule("categories"), _Seated(F("electorate_by_category"))),
        )
    )
    return ended.filter(
        favour__gt=F("against"),
        turnout__gte=F("quorum"),
        approval_whole__gte=F("approval_share"),
        won__gte=F("wanted"),
    )


def _votes(*kinds: CastVote.Support) -> Coalesce:
    votes = _votes_on().filter(support__in=kinds).order_by().values("proposal_id")
    return Coalesce(Subquery(votes.annotate(sum=Sum("weight")).values("sum")), 0)


def _votes_on() -> QuerySet[CastVote]:
    return CastVote.objects.filter(ledger=OuterRef("ledger"), proposal_id=OuterRef("proposal_id"))


def _of_rule(*path: str | int) -> Cast:
    """A number in the proposal's rule."""
    return Cast(KT("__".join(["rule", *map(str, path)])), IntegerField())


def _categories_won() -> Func:
    """In how many categories more votes are for than against."""
    kinds = CastVote.Support
    weight = Case(
        When(support=kinds.FOR, then="weight"), When(support=kinds.AGAINST, then=-F("weight")), default=0
    )
    margins = _votes_on().order_by().values("category_number").annotate(margin=Sum(weight))
    won = ArraySubquery(margins.filter(margin__gt=0).values("category_number"))
    return Func(won, function="CARDINALITY", output_field=IntegerField())


class _Seated(Func):
    """How many of the six numbers in a JSON list are not 0."""

    template = "jsonb_array_length(jsonb_path_query_array(%(expressions)s, '$[*] ? (@ > 0)'))"
    output_field = IntegerField()


def _second() -> datetime:
    """Now, in whole seconds, as a block's timestamp has it."""
    return clock.now().replace(microsecond=0)


def _brief(proposal: Proposal, read: facts.Read, now: datetime) -> Overview:
    state, row = rules.state(read.facts, now), read.on_ledger
    voting = row is not None and state in {rules.State.PENDING, rules.State.VOTING}
    count = read.facts.on_ledger.count if read.facts.on_ledger else None
    return Overview(
        proposal=proposal,
        state=state,
        tally=count.tally if count else rules.Tally(),
        quorum=row.quorum if row else None,
        electorate=row.electorate if row else None,
        starts_at=row.vote_start if row else None,
        ends_at=row.vote_end if row else None,
        seconds_left=rules.seconds_left(row.vote_end, now) if row and voting else None,
        effect=_effect(proposal, state, row, now),
        count=count,
        kind=rules.Weightiness(row.kind) if row else None,
        outlook=rules.outlook(count) if count else None,
    )


def _effect(proposal: Proposal, state: rules.State, row: OnChainProposal | None, now: datetime) -> Effect:
    if row is not None and state == rules.State.EXECUTED:
        return Effect(EffectStatus.DONE, tx_hash=row.executed_tx, at=row.executed_at)
    if row is None or state not in _PASSED:
        return Effect(EffectStatus.NONE)
    sent = proposal.execute_tx or proposal.queue_tx
    tx_hash = (sent.tx_hash or "") if sent else ""
    if sent is not None and facts.is_stuck(proposal):
        return Effect(
            EffectStatus.REFUSED,
            tx_hash=tx_hash,
            error_code=sent.error_code,
            effective_at=row.effective_at,
            attempts=facts.attempt_of(sent),
        )
    held = state == rules.State.QUEUED and row.effective_at is not None and now < row.effective_at
    return Effect(
        EffectStatus.QUEUED if held else EffectStatus.WAITING,
        tx_hash=tx_hash,
        effective_at=row.effective_at,
    )


def _roll(proposal: Proposal, row: OnChainProposal) -> tuple[list[Voter], list[Voter]]:
    """The electorate at the snapshot, split into who has voted and who has not."""
    electors = electorate.at(proposal.ledger, row.vote_start)
    names = Institution.objects.select_related("category").filter(uscc__in=electors)
    institutions = {institution.uscc: institution for institution in names}
    votes = CastVote.objects.filter(ledger=row.ledger_id, proposal_id=row.proposal_id)
    cast = {vote.voter: vote for vote in votes}
    voted: list[Voter] = []
    missing: list[Voter] = []
    for uscc, elector in sorted(electors.items(), key=lambda one: _order(institutions.get(one[0]), *one)):
        vote = cast.get(elector.voter)
        voter = _voter(uscc, elector, institutions.get(uscc), vote)
        (missing if vote is None else voted).append(voter)
    return voted, missing


def _order(institution: Institution | None, uscc: str, elector: electorate.Elector) -> tuple[int, str]:
    return elector.category, institution.short_name if institution else uscc


def _voter(
    uscc: str, elector: electorate.Elector, institution: Institution | None, vote: CastVote | None
) -> Voter:
    silent = Voter(uscc, elector.voter, institution, category=elector.category)
    if vote is None:
        return silent
    return replace(silent, support=vote.support, at=vote.block_time, tx_hash=vote.tx_hash)


def _of_ballot(ballot: Ballot) -> OwnVote:
    refused = ballot.relay.status in facts.REFUSED_RELAYS
    mined = ballot.relay.status == RelayTransaction.Status.MINED
    return OwnVote(
        BallotStatus.REFUSED if refused else BallotStatus.RECEIVED,
        ballot.support,
        ballot,
        tx_hash=(ballot.relay.tx_hash or "") if mined else "",
        error_code=ballot.relay.error_code,
    )
