"""What followed on a decision: execution, effect, the permission lists, the nodes that have them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from governance.verify import events, lists
from governance.verify.errors import NotProven
from governance.verify.events import Event
from governance.verify.evidence import EFFECTS
from governance.verify.story import Finding, Story
from governance.verify.texts import say


def executed(story: Story) -> Iterator[Finding]:
    """By the timelock's word, whoever had it do it: the governor says nothing of what is done past it."""
    carried, said = story.named("CallExecuted"), story.named("ProposalExecuted")
    cancelled = story.named("ProposalCanceled", "Cancelled")
    if not carried and not said:
        yield _not_executed(story, cancelled=bool(cancelled))
        return
    if cancelled:
        raise NotProven("executed_and_cancelled")
    _check_order(story, carried, said)
    asked = story.bundle.proposal
    called = [(e.args["index"], e.args["target"], e.args["value"], e.args["data"]) for e in carried]
    wanted = zip(asked.targets, asked.values, asked.calldatas, strict=True)
    if called != [(index, *one) for index, one in enumerate(wanted)]:
        raise NotProven("other_calls")
    key = "found_executed" if said else "found_executed_past"
    yield Finding(
        say(key, count=len(called), block=carried[0].block), say("by_calls", tx_hash=carried[0].tx_hash)
    )
    before = -1
    for event in carried:
        yield _effect(story, event, before)
        before = event.index


def _not_executed(story: Story, *, cancelled: bool) -> Finding:
    if story.bundle.lists or story.bundle.acknowledgements:
        raise NotProven("lists_without_execution")
    return Finding(say("found_cancelled" if cancelled else "found_not_executed"), story.source.trusted)


def _check_order(story: Story, carried: list[Event], said: list[Event]) -> None:
    """The last vote, the queue, its delay, the execution; this in one transaction, whoever tells of it."""
    transactions = {event.tx_hash for event in (*carried, *said)}
    if not carried or len(said) > 1 or len(transactions) != 1:
        raise NotProven("executed_apart")
    queued = story.one("ProposalQueued")
    steps = [max(map(_place, story.votes), default=(0, 0)), _place(queued), _place(carried[0])]
    if any(earlier >= later for earlier, later in pairwise(steps)):
        raise NotProven("executed_before_votes")
    eta = queued.args["etaSeconds"]
    if story.moment(carried[0], eta) < eta:
        raise NotProven("executed_early")


def _place(event: Event) -> tuple[int, int]:
    return event.block, event.index


def _effect(story: Story, carried: Event, before: int) -> Finding:
    """An event of the very contract called, between the timelock's word on the call before and on this."""
    target, calldata = carried.args["target"], carried.args["data"]
    decoded = events.call(calldata)
    if decoded is None or decoded[0] not in EFFECTS:
        return Finding(say("found_call", target=target), say("by_call"))
    name, arguments = decoded
    for event in story.events:
        if event.tx_hash != carried.tx_hash or not before < event.index < carried.index:
            continue
        if event.name != EFFECTS[name] or event.address != target:
            continue
        if all(event.args[key] == value for key, value in arguments.items() if key in event.args):
            by = say("by_effect", index=event.index, block=event.block)
            return Finding(say("found_effect", call=name, event=event.name, target=target), by)
    raise NotProven("effect_missing", call=name, event=EFFECTS[name])


def listed(story: Story) -> Iterator[Finding]:
    done, touched = story.named("CallExecuted"), _networks(story)
    for one in story.bundle.lists:
        if touched is not None and one.network not in touched:
            raise NotProven("epoch_of_another_network", epoch=one.epoch, network=one.network)
        found = lists.checked(one, story.trusted_root)
        if found["block"] < done[0].block:
            raise NotProven("epoch_before_execution", epoch=one.epoch, network=one.network)
        story.source.header(found["block"])
        _check_roles(story, one.network, found)
        key = "found_list_caused" if found["tx_hash"] == done[0].tx_hash else "found_list"
        yield Finding(
            say(key, network=one.network, epoch=one.epoch, block=found["block"]),
            say("by_root_given" if story.trusted_root else "by_root_found", count=len(one.roots)),
        )
    doubled = [
        network for network, count in Counter(one.network for one in story.bundle.lists).items() if count > 1
    ]
    if doubled:
        raise NotProven("epoch_twice", network=doubled[0])
    yield from _acknowledged(story)


def _networks(story: Story) -> set[str] | None:
    """Those that the calls name; None where one is about a seat, which touches all where the member is."""
    touched = set()
    for target, calldata in zip(story.bundle.proposal.targets, story.bundle.proposal.calldatas, strict=True):
        _name, arguments = events.call(calldata) or ("", {})
        if target.lower() == story.scope.seats and "memberId" in arguments:
            return None
        if "network" in arguments:
            touched.add(_slug(arguments["network"]))
    return touched


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
