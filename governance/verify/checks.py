"""From vote to effect, step by step: each finding says what is proven, and by what."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from governance.verify import ballots, events, lists, tally
from governance.verify.blocks import Raw
from governance.verify.document import Bundle
from governance.verify.errors import NotProven
from governance.verify.events import Event
from governance.verify.evidence import PROPOSAL_EVENTS, SEAT_EVENTS, VOTES, Scope
from governance.verify.sources import Source
from governance.verify.tally import Rule, Seat, Tally
from governance.verify.texts import say

_BOUND = re.compile(r"#governor=eip155:(\d+):(0x[0-9a-fA-F]{40})")
_MILLISECONDS = 10**11  # a moment above this is no number of seconds of our time


@dataclass(frozen=True)
class Finding:
    """One thing that was proven, and by what."""

    what: str
    by: str


@dataclass
class Story:
    """The bundle, the source that it is held against, and what was learnt on the way."""

    bundle: Bundle
    source: Source
    trusted_root: bytes | None = None
    events: list[Event] = field(default_factory=list)
    scope: Scope | None = None
    electors: dict[str, Seat] = field(default_factory=dict)
    votes: list[Event] = field(default_factory=list)

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.events if event.name in names]

    def one(self, name: str) -> Event:
        """The only event of that name. Raises NotProven."""
        found = self.named(name)
        if len(found) != 1:
            raise NotProven("event_count", count=len(found), name=name)
        return found[0]

    def moment(self, event: Event, ticks: int) -> int:
        """The block's time in the ledger's own unit, in which ``ticks`` was given."""
        seconds = self.source.header(event.block).timestamp
        return seconds * 1000 if ticks > _MILLISECONDS else seconds


def check(story: Story) -> Iterator[Finding]:
    """All findings, in the order of the story. Raises NotProven at the first thing that does not hold."""
    for step in _STEPS:
        yield from step(story)


# --- What was asked ----------------------------------------------------------------------------------------
def _text(story: Story) -> Iterator[Finding]:
    asked = story.bundle.proposal
    lines = asked.description.split("\n")
    hashed = hashlib.sha256(asked.text.encode()).hexdigest()
    if f"Text SHA-256: {hashed}" not in lines:
        raise NotProven("other_text")
    if not lines[0].startswith(f"Proposal {asked.number}: "):
        raise NotProven("other_number")
    named = [line for line in lines if line.startswith("Attachment SHA-256: ")]
    told = [
        f"Attachment SHA-256: {a['sha256']} ({a['size']} bytes) {a['name']}" for a in story.bundle.attachments
    ]
    if named != told:
        raise NotProven("other_attachments")
    yield Finding(say("found_text", number=asked.number), f"SHA-256 {hashed}")
    _check_bound(story, lines)
    if events.proposal_id(asked.targets, asked.values, asked.calldatas, asked.description) != asked.id:
        raise NotProven("other_id")
    yield Finding(say("found_id"), f"keccak-256 {asked.id}")


def _check_bound(story: Story, lines: list[str]) -> None:
    """One line of the description says which governor of which chain it is meant for."""
    bound = [found for line in lines if (found := _BOUND.fullmatch(line))]
    if len(bound) != 1:
        raise NotProven("unbound")
    chain_id, governor = bound[0].groups()
    if chain_id != str(story.bundle.chain_id):
        raise NotProven("other_chain", bound=chain_id, stated=story.bundle.chain_id)
    if governor != story.bundle.governor:
        raise NotProven("other_governor", bound=governor, stated=story.bundle.governor)


# --- What the ledger has -----------------------------------------------------------------------------------
def _on_ledger(story: Story) -> Iterator[Finding]:
    bundle, source = story.bundle, story.source
    stated = source.chain_id()
    if stated != bundle.chain_id:
        raise NotProven("ledger_of_another_chain", stated=bundle.chain_id, found=stated)
    story.events = [event for event in map(events.event, bundle.logs) if event is not None]
    _check_own(story)
    story.scope = _scope(story)
    numbers = [log["block"] for log in bundle.logs]
    for number in {min(numbers), max(numbers)}:
        source.header(number)  # or what is out of reach would look as if it had been put in
    addresses = {story.scope.governor, story.scope.seats, *story.scope.executors}
    there = [log for log in source.logs(addresses) if story.scope.holds(log)]
    last = max(numbers)
    _compare(bundle.logs, [log for log in there if log["block"] <= last or _is_ours(log, story)])
    for log in bundle.logs:
        if log["block_hash"] != source.header(log["block"]).hash:
            raise NotProven("other_block_hash", number=log["block"])
    yield Finding(say("found_logs", count=len(bundle.logs)), source.trusted)


def _check_own(story: Story) -> None:
    """What the governor says here, it says of this proposal: not that another one was executed."""
    for event in story.named(*PROPOSAL_EVENTS):
        other = event.args["proposalId"]
        if event.address == story.bundle.governor and other != story.bundle.proposal.id:
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


def _is_ours(log: dict[str, object], story: Story) -> bool:
    """Later seats don't matter to this vote; anything later of the proposal itself does."""
    return log["address"] == story.bundle.governor.lower()


def _scope(story: Story) -> Scope:
    """Which contracts the story plays in: by what the seats contract said when its founding closed."""
    governor = story.bundle.governor.lower()
    closed = story.one("FoundingClosed")
    seats = closed.address.lower()
    counted = story.source.seats_of(story.bundle.governor)
    if counted is not None and counted != seats:
        raise NotProven("other_seats", counted=counted, seats=seats)
    targets = {target.lower() for target in story.bundle.proposal.targets}
    executed = story.named("ProposalExecuted")
    return Scope(
        governor=governor,
        seats=seats,
        proposal_id=story.bundle.proposal.id,
        executors=frozenset({closed.args["executor"].lower(), *targets}),
        executed_in=executed[0].tx_hash if executed else "",
    )


def _proposed(story: Story) -> Iterator[Finding]:
    asked, created = story.bundle.proposal, story.one("ProposalCreated")
    content = [created.args[name] for name in ("targets", "values", "calldatas", "description")]
    if content != [asked.targets, asked.values, asked.calldatas, asked.description]:
        raise NotProven("other_content")
    if created.args["proposalId"] != asked.id:
        raise NotProven("other_id_on_ledger")
    yield Finding(say("found_proposal", block=created.block), say("by_created", tx_hash=created.tx_hash))


# --- How it was decided ------------------------------------------------------------------------------------
def _voted(story: Story) -> Iterator[Finding]:
    created = story.one("ProposalCreated")
    start = created.args["voteStart"]
    told = [event for event in story.named(*SEAT_EVENTS) if story.moment(event, start) <= start]
    story.electors = tally.electorate(told)
    yield Finding(say("found_seats", count=len(story.electors)), say("by_seats", count=len(told)))
    story.votes = story.named(*VOTES)
    doubled = [voter for voter, count in Counter(v.args["voter"] for v in story.votes).items() if count > 1]
    strangers = {vote.args["voter"] for vote in story.votes} - set(story.electors)
    if doubled or strangers:
        raise NotProven("vote_impossible", voters=", ".join(sorted({*doubled, *strangers})))
    end = max(
        [created.args["voteEnd"], *(e.args["extendedDeadline"] for e in story.named("ProposalExtended"))]
    )
    if any(not start < story.moment(vote, start) <= end for vote in story.votes):
        raise NotProven("vote_out_of_time")
    signed = _signed(story)
    count, own = len(signed), len(story.votes) - len(signed)
    yield Finding(say("found_votes", count=len(story.votes), signed=count, own=own), say("by_votes"))


def _signed(story: Story) -> set[str]:
    """Voters with a signed ballot. Raises NotProven unless each vote has one or was the voter's own."""
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
    for voter in sorted(set(cast) - signed):
        if story.source.sender(cast[voter].tx_hash) != voter:
            raise NotProven("ballot_left_out", voter=voter)
    return signed


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
    if story.named("ProposalExecuted", "ProposalQueued") and not passes:
        raise NotProven("carried_out_unpassed", votes=words, rule=rule)
    found = say("found_tally", votes=words, verdict=say("passes" if passes else "fails"))
    yield Finding(found, say("by_tally", kind=say(f"kind_{kind}"), rule=rule))


# --- What followed -----------------------------------------------------------------------------------------
def _executed(story: Story) -> Iterator[Finding]:
    executed = story.named("ProposalExecuted")
    if not executed:
        if story.bundle.lists or story.bundle.acknowledgements:
            raise NotProven("lists_without_execution")
        state = "found_cancelled" if story.named("ProposalCanceled") else "found_not_executed"
        yield Finding(say(state), story.source.trusted)
        return
    done, asked = story.one("ProposalExecuted"), story.bundle.proposal
    queued = story.named("ProposalQueued")
    eta = queued[-1].args["etaSeconds"] if queued else 0
    if queued and story.moment(done, eta) < eta:
        raise NotProven("executed_early")
    here = [event for event in story.events if event.tx_hash == done.tx_hash]
    carried = [event.args for event in here if event.name == "CallExecuted"]
    called = [(args["target"], args["value"], args["data"]) for args in carried]
    if called != list(zip(asked.targets, asked.values, asked.calldatas, strict=True)):
        raise NotProven("other_calls")
    yield Finding(say("found_executed", count=len(called), block=done.block), done.tx_hash)
    for target, _value, calldata in called:
        yield _effect(here, target, calldata)


_EFFECTS = {
    "setRole": "NodeRoleChanged", "remove": "NodeRoleChanged", "setAccount": "AccountPermissionChanged",
    "ratifyFreeze": "NodeFreezeRatified", "thaw": "NodeThawed", "grant": "SeatGranted",
    "suspend": "SeatSuspended", "reinstate": "SeatReinstated", "revoke": "SeatRevoked",
    "changeVoter": "SeatVoterChanged", "setRule": "RuleChanged",
}  # fmt: skip


def _effect(here: list[Event], target: str, calldata: str) -> Finding:
    decoded = events.call(calldata)
    if decoded is None or decoded[0] not in _EFFECTS:
        return Finding(say("found_call", target=target), say("by_call"))
    name, arguments = decoded
    for event in here:
        if event.name != _EFFECTS[name] or event.address != target:
            continue
        if all(event.args[key] == value for key, value in arguments.items() if key in event.args):
            by = say("by_effect", index=event.index, block=event.block)
            return Finding(say("found_effect", call=name, event=event.name), by)
    raise NotProven("effect_missing", call=name, event=_EFFECTS[name])


def _listed(story: Story) -> Iterator[Finding]:
    done, touched = story.named("ProposalExecuted"), _networks(story)
    for one in story.bundle.lists:
        if touched and one.network not in touched:
            raise NotProven("epoch_of_another_network", epoch=one.epoch, network=one.network)
        listed = lists.checked(one, story.trusted_root)
        if listed["block"] < done[0].block:
            raise NotProven("epoch_before_execution", epoch=one.epoch, network=one.network)
        story.source.header(listed["block"])
        _check_roles(story, one.network, listed)
        key = "found_list_caused" if listed["tx_hash"] == done[0].tx_hash else "found_list"
        yield Finding(
            say(key, network=one.network, epoch=one.epoch, block=listed["block"]),
            say("by_root_given" if story.trusted_root else "by_root_found", count=len(one.roots)),
        )
    doubled = [
        network for network, count in Counter(one.network for one in story.bundle.lists).items() if count > 1
    ]
    if doubled:
        raise NotProven("epoch_twice", network=doubled[0])
    yield from _acknowledged(story)


def _networks(story: Story) -> set[str]:
    """Those that the calls name; none for a decision about an institution, which touches all where it is."""
    called = [events.call(calldata) for calldata in story.bundle.proposal.calldatas]
    return {_slug(one[1]["network"]) for one in called if one is not None and "network" in one[1]}


def _check_roles(story: Story, network: str, listed: dict[str, list[dict[str, str]]]) -> None:
    """A node that the vote was about is listed as the vote says, or not at all."""
    roles = {node["consensus_id"]: node["role"] for node in listed["nodes"]}
    for calldata in story.bundle.proposal.calldatas:
        name, arguments = events.call(calldata) or ("", {})
        if name not in {"setRole", "remove"} or _slug(arguments["network"]) != network:
            continue
        wanted = {1: "observer", 2: "sealer"}.get(arguments.get("role", 0))
        if roles.get(arguments["consensusId"][2:], wanted) != wanted:
            raise NotProven("other_role_listed", network=network)


def _slug(code: str) -> str:
    return bytes.fromhex(code[2:]).rstrip(b"\0").decode("ascii", "replace")


def _acknowledged(story: Story) -> Iterator[Finding]:
    known = {(one.network, one.epoch): one for one in story.bundle.lists}
    for said in story.bundle.acknowledgements:
        one = known.get((said.network, said.epoch))
        if one is None:
            raise NotProven("acknowledged_unknown")
        if not re.fullmatch("[0-9a-f]{64}", said.sha256):
            raise NotProven("acknowledged_no_hash")
        lists.acknowledged(one, lists.checked(one, story.trusted_root), said)
    if len(set(story.bundle.acknowledgements)) != len(story.bundle.acknowledgements):
        raise NotProven("acknowledged_twice")
    count = len(story.bundle.acknowledgements)
    if count:
        yield Finding(say("found_acknowledgements", count=count), say("by_acknowledgements"))


_Step = Callable[[Story], Iterator[Finding]]
_STEPS: tuple[_Step, ...] = (_text, _on_ledger, _proposed, _voted, _counted, _executed, _listed)
