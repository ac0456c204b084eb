"""From vote to effect, step by step: each finding says what is proven, and by what."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator

from governance.verify import ballots, description, events, following, story, tally
from governance.verify.blocks import Raw
from governance.verify.errors import NotProven
from governance.verify.evidence import PROPOSAL_EVENTS, SEAT_EVENTS, VOTES
from governance.verify.story import Finding, Story
from governance.verify.tally import Rule, Tally
from governance.verify.texts import say


def check(told: Story) -> Iterator[Finding]:
    """All findings, in the order of the story. Raises NotProven at the first thing that does not hold."""
    for step in _STEPS:
        yield from step(told)


# --- What was asked ----------------------------------------------------------------------------------------
def _text(story: Story) -> Iterator[Finding]:
    asked = story.bundle.proposal
    said = description.read(asked.description)
    if said is None:
        count = description.text_lines(asked.description)
        raise NotProven("other_form") if count == 1 else NotProven("text_hashes", count=count)
    hashed = hashlib.sha256(asked.text.encode()).hexdigest()
    if said.text_sha256 != hashed:
        raise NotProven("other_text")
    if said.number != asked.number:
        raise NotProven("other_number")
    told = [
        f"Attachment SHA-256: {a['sha256']} ({a['size']} bytes) {a['name']}" for a in story.bundle.attachments
    ]
    if said.attachments != told:
        raise NotProven("other_attachments")
    yield Finding(say("found_text", number=asked.number), f"SHA-256 {hashed}")
    _check_bound(story, said)
    if events.proposal_id(asked.targets, asked.values, asked.calldatas, asked.description) != asked.id:
        raise NotProven("other_id")
    yield Finding(say("found_id"), f"keccak-256 {asked.id}")


def _check_bound(story: Story, said: description.Description) -> None:
    """One line of the description says which governor of which chain it is meant for."""
    bundle, named = story.bundle, story.trusted.governor
    if said.chain_id != bundle.chain_id:
        raise NotProven("other_chain", bound=said.chain_id, stated=bundle.chain_id)
    if said.governor != bundle.governor:
        raise NotProven("other_governor", bound=said.governor, stated=bundle.governor)
    if named is not None and named != bundle.governor:
        raise NotProven("governor_not_yours", named=named, stated=bundle.governor)


# --- What the ledger has -----------------------------------------------------------------------------------
def _on_ledger(told: Story) -> Iterator[Finding]:
    bundle, source = told.bundle, told.source
    stated = source.chain_id()
    if stated != bundle.chain_id:
        raise NotProven("ledger_of_another_chain", stated=bundle.chain_id, found=stated)
    told.events = [event for event in map(events.event, bundle.logs) if event is not None]
    _check_own(told)
    scope = story.scope_of(told)
    numbers = [log["block"] for log in bundle.logs]
    for number in {min(numbers), max(numbers)}:
        source.header(number)  # or what is out of reach would look as if it had been put in
    known = source.logs(scope.addresses)
    told.found_scope = scope = scope.carried_out(known)
    there = [log for log in known if scope.holds(log)]
    last, ours = max(numbers), {scope.governor, scope.timelock}
    # Later seats don't matter to this vote; anything later of the proposal itself does.
    _compare(bundle.logs, [log for log in there if log["block"] <= last or log["address"] in ours])
    for log in bundle.logs:
        if log["block_hash"] != source.header(log["block"]).hash:
            raise NotProven("other_block_hash", number=log["block"])
    yield Finding(say("found_logs", count=len(bundle.logs)), source.trusted)


def _check_own(story: Story) -> None:
    """What the governor says here, it says of this proposal: not that another one was executed."""
    for event in story.events:
        if event.name not in PROPOSAL_EVENTS or event.address != story.bundle.governor:
            continue
        other = event.args["proposalId"]
        if other != story.bundle.proposal.id:
            raise NotProven("other_proposals_events", block=event.block, name=event.name, found=other)


def _compare(given: list[Raw], there: list[Raw]) -> None:
    """Raises NotProven for the first log that was left out, put in or changed."""
    told, known = ({(log["block"], log["index"]): log for log in logs} for logs in (given, there))
    for place, log in known.items():
        if place not in told:
            raise _astray("left_out", log)
    for place, log in told.items():
        if place not in known:
            raise _astray("put_in", log)
        if log != known[place]:
            raise NotProven("log_changed", block=place[0], index=place[1])
    if given != there:
        raise NotProven("logs_reordered")


def _astray(how: str, log: Raw) -> NotProven:
    found = events.event(log)
    if found is not None and found.name in VOTES:
        return NotProven(f"vote_{how}", voter=found.args["voter"])
    return NotProven(f"log_{how}", block=log["block"], index=log["index"])


def _proposed(story: Story) -> Iterator[Finding]:
    asked, created = story.bundle.proposal, story.one("ProposalCreated")
    content = [created.args[name] for name in ("targets", "values", "calldatas", "description")]
    if content != [asked.targets, asked.values, asked.calldatas, asked.description]:
        raise NotProven("other_content")
    if created.args["proposalId"] != asked.id:
        raise NotProven("other_id_on_ledger")
    yield Finding(say("found_proposal", block=created.block), say("by_created", tx_hash=created.tx_hash))


# --- How it was decided ------------------------------------------------------------------------------------
def _voted(told: Story) -> Iterator[Finding]:
    created = told.one("ProposalCreated")
    start = created.args["voteStart"]
    seats = [event for event in told.named(*SEAT_EVENTS) if told.moment(event, start) <= start]
    told.electors = tally.electorate(seats)
    _check_electorate(told, start)
    yield Finding(say("found_seats", count=len(told.electors)), say("by_seats", count=len(seats)))
    told.votes = told.named(*VOTES)
    doubled = [voter for voter, count in Counter(v.args["voter"] for v in told.votes).items() if count > 1]
    strangers = {vote.args["voter"] for vote in told.votes} - set(told.electors)
    if doubled or strangers:
        raise NotProven("vote_impossible", voters=", ".join(sorted({*doubled, *strangers})))
    end = max(
        [created.args["voteEnd"], *(e.args["extendedDeadline"] for e in told.named("ProposalExtended"))]
    )
    if any(not start < told.moment(vote, start) <= end for vote in told.votes):
        raise NotProven("vote_out_of_time")
    signed, own = _signed(told), _own(told)
    covered = len(told.votes) - len(told.uncovered)
    yield Finding(say("found_votes", count=covered, signed=signed, own=own), say("by_votes"))
    if told.uncovered:
        found = say("vote_without_ballot", count=len(told.uncovered), voters=", ".join(told.uncovered))
        yield Finding(found, say("by_governor"), "vote_without_ballot")


def _check_electorate(told: Story, start: int) -> None:
    """A seat that was given before the first block looked at is missing here, and not to the governor."""
    counted = told.source.electorate(told.bundle.governor, told.bundle.proposal.id)
    over = story.in_ticks(told.source.header(told.source.last).timestamp, start) > start
    if counted is None or not over:  # until the snapshot the governor tells today's
        return
    found = Counter(seat.category for seat in told.electors.values())
    if [found[number + 1] for number in range(tally.CATEGORIES)] != counted:
        raise NotProven("other_electorate", counted=sum(counted), found=len(told.electors))


def _signed(story: Story) -> int:
    """How many votes have a signed ballot. Raises NotProven for a ballot that is not behind its vote."""
    cast = {vote.args["voter"]: vote for vote in story.votes}
    for ballot in story.bundle.ballots:
        vote = cast.get(ballot.voter)
        if vote is None or vote.args["support"] != ballot.support:
            raise NotProven("ballot_not_counted", voter=ballot.voter)
        if ballots.signer(story.bundle, ballot) != ballot.voter:
            raise NotProven("ballot_forged", voter=ballot.voter)
    signed = {ballot.voter for ballot in story.bundle.ballots}
    if len(signed) != len(story.bundle.ballots):
        raise NotProven("ballot_twice")
    return len(signed)


def _own(story: Story) -> int:
    """How many voters sent their vote themselves. The others' votes the governor counted all the same.

    Anybody may hand a ballot to the governor in any way: no member is to make a decision unprovable by that.
    """
    signed = {ballot.voter for ballot in story.bundle.ballots}
    rest = {vote.args["voter"]: vote for vote in story.votes if vote.args["voter"] not in signed}
    own = {voter for voter, vote in rest.items() if story.source.sender(vote.tx_hash) == voter}
    story.uncovered = sorted(set(rest) - own)
    return len(own)


def _counted(story: Story) -> Iterator[Finding]:
    frozen = story.one("ProposalRuleFrozen")
    rule, kind = Rule.read(frozen.args["rule"]), tally.KINDS[frozen.args["kind"]]
    seats = Counter(seat.category for seat in story.electors.values())
    cast = Counter((story.electors[v.args["voter"]].category, v.args["support"]) for v in story.votes)
    count = Tally(dict(seats), dict(cast))
    passes = count.passes(rule)
    words = say(
        "votes",
        favour=count.of(tally.FOR),
        against=count.of(tally.AGAINST),
        abstain=count.of(tally.ABSTAIN),
    )
    if story.named("ProposalExecuted", "ProposalQueued", "CallExecuted") and not passes:
        raise NotProven("carried_out_unpassed", votes=words, rule=rule)
    found = say("found_tally", votes=words, verdict=say("passes" if passes else "fails"))
    yield Finding(found, say("by_tally", kind=say(f"kind_{kind}"), rule=rule))


_Step = Callable[[Story], Iterator[Finding]]
_STEPS: tuple[_Step, ...] = (
    _text, _on_ledger, _proposed, _voted, _counted, following.executed, following.listed,
)  # fmt: skip
