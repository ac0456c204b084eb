"""From vote to effect, step by step: each finding says what is proven, and by what."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from governance.verify import ballots, events, lists, tally
from governance.verify.document import Bundle
from governance.verify.errors import NotProven
from governance.verify.events import Event
from governance.verify.evidence import SEAT_EVENTS, Scope
from governance.verify.sources import Source
from governance.verify.tally import Rule, Seat, Tally

_MILLISECONDS = 10**11  # a moment above this is no number of seconds of our time
_DISPLAY = {tally.FOR: "for", tally.AGAINST: "against", tally.ABSTAIN: "abstain"}


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
            raise NotProven(f"{len(found)} {name} events instead of one")
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
        raise NotProven("the text is not the one whose hash the description holds")
    if not lines[0].startswith(f"Proposal {asked.number}: "):
        raise NotProven("the description is of another proposal number")
    named = [line for line in lines if line.startswith("Attachment SHA-256: ")]
    told = [
        f"Attachment SHA-256: {a['sha256']} ({a['size']} bytes) {a['name']}" for a in story.bundle.attachments
    ]
    if named != told:
        raise NotProven("the attachments are not those that the description names")
    yield Finding(f"text ↔ description of proposal {asked.number}", f"SHA-256 {hashed}")
    bound = f"#governor=eip155:{story.bundle.chain_id}:{story.bundle.governor}"
    if bound not in lines:
        raise NotProven("the description is bound to another ledger or governor")
    if events.proposal_id(asked.targets, asked.values, asked.calldatas, asked.description) != asked.id:
        raise NotProven("description and calls don't give the proposal's id")
    yield Finding("description and calls ↔ id on chain", f"keccak-256 {asked.id}")


# --- What the ledger has -----------------------------------------------------------------------------------
def _on_ledger(story: Story) -> Iterator[Finding]:
    bundle, source = story.bundle, story.source
    stated = source.chain_id()
    if stated != bundle.chain_id:
        raise NotProven(f"the bundle is of chain {bundle.chain_id}, what it is held against of {stated}")
    story.events = [event for event in map(events.event, bundle.logs) if event is not None]
    story.scope = _scope(story)
    addresses = {story.scope.governor, story.scope.seats, *story.scope.executors}
    there = [log for log in source.logs(addresses) if story.scope.holds(log)]
    last = max((log["block"] for log in bundle.logs), default=0)
    if bundle.logs != [log for log in there if log["block"] <= last or _is_ours(log, story)]:
        raise NotProven("the logs are not those of the ledger: one was changed, left out or put in")
    for number in sorted({log["block"] for log in bundle.logs}):
        if any(
            log["block_hash"] != source.header(number).hash for log in bundle.logs if log["block"] == number
        ):
            raise NotProven(f"block {number} has another hash on the ledger")
    yield Finding(f"{len(bundle.logs)} logs ↔ ledger, none changed, left out or put in", source.trusted)


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
        raise NotProven(f"the governor counts by seats contract {counted}, not by {seats}")
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
        raise NotProven("the ledger has the proposal with another content")
    if created.args["proposalId"] != asked.id:
        raise NotProven("the ledger has the proposal under another id")
    yield Finding(f"proposal ↔ ledger, block {created.block}", f"ProposalCreated in {created.tx_hash}")


# --- How it was decided ------------------------------------------------------------------------------------
def _voted(story: Story) -> Iterator[Finding]:
    created = story.one("ProposalCreated")
    start = created.args["voteStart"]
    told = [event for event in story.named(*SEAT_EVENTS) if story.moment(event, start) <= start]
    story.electors = tally.electorate(told)
    yield Finding(f"{len(story.electors)} seats with a vote at the snapshot", f"{len(told)} seat events")
    story.votes = story.named("VoteCast", "VoteCastWithParams")
    doubled = [voter for voter, count in Counter(v.args["voter"] for v in story.votes).items() if count > 1]
    strangers = {vote.args["voter"] for vote in story.votes} - set(story.electors)
    if doubled or strangers:
        raise NotProven(f"votes that can't be: {sorted({*doubled, *strangers})}")
    end = max(
        [created.args["voteEnd"], *(e.args["extendedDeadline"] for e in story.named("ProposalExtended"))]
    )
    if any(not start < story.moment(vote, start) <= end for vote in story.votes):
        raise NotProven("a vote lies outside the time for voting")
    signed = _signed(story)
    yield Finding(
        f"{len(story.votes)} votes ↔ seats' voting addresses: {len(signed)} signed ballots, "
        f"{len(story.votes) - len(signed)} sent by the member itself",
        "EIP-712 signatures, and the senders of transactions",
    )


def _signed(story: Story) -> set[str]:
    """Voters with a signed ballot. Raises NotProven unless each vote has one or was the voter's own."""
    cast = {vote.args["voter"]: vote for vote in story.votes}
    for ballot in story.bundle.ballots:
        vote = cast.get(ballot.voter)
        if vote is None or vote.args["support"] != ballot.support:
            raise NotProven(f"the ballot of {ballot.voter} is not the vote that the ledger counted")
        if ballots.signer(story.bundle, ballot) != ballot.voter:
            raise NotProven(f"the ballot of {ballot.voter} was signed by somebody else")
    signed = {ballot.voter for ballot in story.bundle.ballots}
    if len(signed) != len(story.bundle.ballots):
        raise NotProven("a ballot is there twice")
    for voter in sorted(set(cast) - signed):
        if story.source.sender(cast[voter].tx_hash) != voter:
            raise NotProven(f"the vote of {voter} comes without a ballot, and from somebody else")
    return signed


def _counted(story: Story) -> Iterator[Finding]:
    frozen = story.one("ProposalRuleFrozen")
    rule, kind = Rule.read(frozen.args["rule"]), tally.KINDS[frozen.args["kind"]]
    seats = Counter(seat.category for seat in story.electors.values())
    cast = Counter((story.electors[v.args["voter"]].category, v.args["support"]) for v in story.votes)
    count = Tally(dict(seats), dict(cast))
    passes = count.passes(rule)
    words = ", ".join(f"{count.of(kind)} {word}" for kind, word in _DISPLAY.items())
    if story.named("ProposalExecuted", "ProposalQueued") and not passes:
        raise NotProven(f"carried out although it did not pass: {words}; {rule}")
    verdict = "passes" if passes else "does not pass"
    yield Finding(f"tally ↔ rule: {words}: {verdict}", f"{kind}: {rule}")


# --- What followed -----------------------------------------------------------------------------------------
def _executed(story: Story) -> Iterator[Finding]:
    executed = story.named("ProposalExecuted")
    if not executed:
        if story.bundle.lists or story.bundle.acknowledgements:
            raise NotProven("lists follow from a proposal that was not executed")
        state = "cancelled" if story.named("ProposalCanceled") else "not executed"
        yield Finding(f"the proposal was {state}", story.source.trusted)
        return
    done, asked = story.one("ProposalExecuted"), story.bundle.proposal
    queued = story.named("ProposalQueued")
    eta = queued[-1].args["etaSeconds"] if queued else 0
    if queued and story.moment(done, eta) < eta:
        raise NotProven("executed before its effective time")
    here = [event for event in story.events if event.tx_hash == done.tx_hash]
    carried = [event.args for event in here if event.name == "CallExecuted"]
    called = [(args["target"], args["value"], args["data"]) for args in carried]
    if called != list(zip(asked.targets, asked.values, asked.calldatas, strict=True)):
        raise NotProven("the timelock carried out other calls than were voted on")
    yield Finding(f"execution ↔ the {len(called)} calls voted on, block {done.block}", done.tx_hash)
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
        return Finding(f"call to {target} carried out", "CallExecuted of the timelock")
    name, arguments = decoded
    for event in here:
        if event.name != _EFFECTS[name] or event.address != target:
            continue
        if all(event.args[key] == value for key, value in arguments.items() if key in event.args):
            return Finding(f"{name} ↔ {event.name}", f"log {event.index} of block {event.block}")
    raise NotProven(f"the call {name} left no {_EFFECTS[name]} on the ledger")


def _listed(story: Story) -> Iterator[Finding]:
    done = story.named("ProposalExecuted")
    for one in story.bundle.lists:
        listed = lists.checked(one, story.trusted_root)
        if listed["block"] < done[0].block:
            raise NotProven(f"epoch {one.epoch} of {one.network} was made before the execution")
        story.source.header(listed["block"])
        _check_roles(story, one.network, listed)
        cause = " from this transaction" if listed["tx_hash"] == done[0].tx_hash else ""
        yield Finding(
            f"list of {one.network}, epoch {one.epoch}, block {listed['block']}{cause} ↔ signed metadata",
            f"{len(one.roots)} root, trusted {'as you gave it' if story.trusted_root else 'as it came'}",
        )
    yield from _acknowledged(story)


def _check_roles(story: Story, network: str, listed: dict[str, list[dict[str, str]]]) -> None:
    """A node that the vote was about is listed as the vote says, or not at all."""
    roles = {node["consensus_id"]: node["role"] for node in listed["nodes"]}
    for calldata in story.bundle.proposal.calldatas:
        name, arguments = events.call(calldata) or ("", {})
        if name not in {"setRole", "remove"} or _slug(arguments["network"]) != network:
            continue
        wanted = {1: "observer", 2: "sealer"}.get(arguments.get("role", 0))
        if roles.get(arguments["consensusId"][2:], wanted) != wanted:
            raise NotProven(f"the list of {network} has a node otherwise than was voted")


def _slug(code: str) -> str:
    return bytes.fromhex(code[2:]).rstrip(b"\0").decode("ascii", "replace")


def _acknowledged(story: Story) -> Iterator[Finding]:
    known = {(one.network, one.epoch): one for one in story.bundle.lists}
    for said in story.bundle.acknowledgements:
        one = known.get((said.network, said.epoch))
        if one is None:
            raise NotProven("an acknowledgement is of a list that the bundle has not")
        if not re.fullmatch("[0-9a-f]{64}", said.sha256):
            raise NotProven("an acknowledgement carries no hash")
        lists.acknowledged(one, lists.checked(one, story.trusted_root), said)
    if len(set(story.bundle.acknowledgements)) != len(story.bundle.acknowledgements):
        raise NotProven("an acknowledgement is there twice")
    count = len(story.bundle.acknowledgements)
    if count:
        yield Finding(
            f"{count} acknowledgements ↔ hashes in the signed metadata",
            "that the nodes sent them, the console says: nodes don't sign what they report",
        )


_Step = Callable[[Story], Iterator[Finding]]
_STEPS: tuple[_Step, ...] = (_text, _on_ledger, _proposed, _voted, _counted, _executed, _listed)
