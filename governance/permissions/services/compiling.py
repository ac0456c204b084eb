"""From registry, seats, certificates and endpoints to a new epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction

from consortium.core import bulk, clock, events, garbage, outbox
from consortium.core.models import Event
from consortium.members.models import Network
from governance.permissions import rolling, rules, topics
from governance.permissions.errors import ListMalformed
from governance.permissions.guards import Finding
from governance.permissions.models import Epoch, EpochFile, EpochMember
from governance.permissions.services import gathering, holding, urgency
from governance.permissions.services.gathering import Inputs

_COMPILED = ("epoch.compiled", "epoch.malformed")
_ROLES = {name: number for number, name in rules.ROLES.items()}


def compile_epoch(network: Network, *, cause: str) -> Epoch | None:
    """Write the next epoch of ``network``; None when the list is what it was.

    No first epoch is written for a network in which nobody may take part yet: an agent beside a node that
    already runs would only lock it out. Raises ListMalformed, and writes nothing, where a node would not read
    a file as it is meant.
    """
    try:
        with garbage.collected_later(), transaction.atomic():
            return _compile(network, cause)
    except rules.Malformed as error:
        _record_malformed(network, cause, error)
        raise ListMalformed(
            network=network.pk, path=error.path, rule=error.rule, found=error.found
        ) from error


def _compile(network: Network, cause: str) -> Epoch | None:
    network = Network.objects.select_for_update(no_key=True).get(pk=network.pk)
    read = _read(network)
    if read is None:
        return None
    inputs, former = read
    content = rules.content_hash(network.pk, inputs.state)
    last = Epoch.objects.filter(network=network).order_by("-number").first()
    if not _is_due(last, inputs, content, former):
        return None
    found = holding.look(network, inputs.state.nodes, inputs.block, former)
    epoch = _create(network, (last.number if last else 0) + 1, inputs, content, cause)
    events.record(
        "epoch.compiled",
        epoch,
        actor=events.CLOCK,
        reason=cause,
        network=network.pk,
        epoch=epoch.number,
        nodes=epoch.node_count,
        accounts=len(inputs.state.accounts),
        frozen=len(inputs.state.frozen),
        shared_addresses=inputs.state.shared,
        block=epoch.block,
        tx_hash=epoch.tx_hash,
    )
    holding.hold(epoch, found)
    outbox.enqueue(topics.PUBLISH, key="repository")
    return epoch


def _read(network: Network) -> tuple[Inputs, Epoch | None] | None:
    """What the next list is compiled of; with it the list that it only takes from, where it does. Or None."""
    is_pinned = rolling.is_pinned(network)
    if is_pinned and not holding.to_go_at_once(network):
        return None  # a person rolled it back: what would be compiled is what went wrong
    inputs = gathering.read(network)
    if is_pinned:  # a key in other hands does not wait until the network is released; what is new does
        return _nobody_but(Epoch.objects.filter(network=network).latest("number"), inputs), None
    former = urgency.first_of_all(network, inputs.state)
    return (inputs if former is None else _nobody_but(former, inputs)), former


def compile_again(earlier: Epoch, *, cause: str) -> tuple[Epoch, list[Finding]]:
    """The next epoch, of whom ``earlier`` lists; and what the guards find about it. In a transaction.

    It is compiled anew: whom members, guardians or the CA have sent away since does not come back with it,
    and no key that was taken back is let in again. Raises NoLedger, ListMalformed.
    """
    network = earlier.network
    inputs = _nobody_but(earlier, gathering.read(network))
    number = Epoch.objects.filter(network=network).latest("number").number + 1
    found = holding.look(network, inputs.state.nodes, inputs.block)
    content = rules.content_hash(network.pk, inputs.state)
    try:
        return _create(network, number, inputs, content, cause), found
    except rules.Malformed as error:
        raise ListMalformed(
            network=network.pk, path=error.path, rule=error.rule, found=error.found
        ) from error


def _nobody_but(epoch: Epoch, inputs: Inputs) -> Inputs:
    return replace(inputs, state=urgency.nobody_but(epoch, inputs.state))


def _record_malformed(network: Network, cause: str, error: rules.Malformed) -> None:
    """For the secretariat to see, once: what owes the list tries again, and would fail again."""
    said: dict[str, Any] = {
        "network": network.pk,
        "path": error.path,
        "rule": error.rule,
        "found": error.found,
    }
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        last = Event.objects.filter(action__in=_COMPILED, data__network=network.pk).order_by("-id").first()
        if last is None or last.action == "epoch.compiled" or last.data != said:
            events.record("epoch.malformed", network, actor=events.CLOCK, reason=cause, **said)


def recheck(network: Network) -> bool:
    """Owe a compilation when the list would differ from the last epoch; True if so.

    Certificates expire without an event: this is what notices.
    """
    read = _read(network)
    if read is None:
        return False
    inputs, former = read
    last = Epoch.objects.filter(network=network).order_by("-number").first()
    due = _is_due(last, inputs, rules.content_hash(network.pk, inputs.state), former)
    if due:
        with transaction.atomic():
            topics.want_compile(network.pk, topics.REGULAR_CHECK)
    return due


def _is_due(last: Epoch | None, inputs: Inputs, content: str, former: Epoch | None) -> bool:
    if last is None:
        return bool(inputs.state.nodes)
    if last.content_sha256 != content or urgency.can_not_wait(last):
        return True
    return holding.may_go_now(last, inputs.state.nodes, inputs.block, former)


def _create(network: Network, number: int, inputs: Inputs, content: str, cause: str) -> Epoch:
    now = clock.now().replace(microsecond=0)
    header = rules.Header(network.pk, number, inputs.block, inputs.tx_hash, now)
    files = rules.compile_list(header, inputs.state)
    epoch = Epoch.objects.create(
        network=network,
        number=number,
        block=inputs.block,
        tx_hash=inputs.tx_hash,
        effective_at=now,
        content_sha256=content,
        node_count=len(inputs.state.nodes),
        cause=cause[:200],
        compiled_at=clock.now(),
    )
    bulk.insert(
        [
            EpochFile(
                epoch=epoch, format=rules.FORMAT_OF[path], path=path, content=data, sha256=rules.sha256(data)
            )
            for path, data in files.items()
        ]
    )
    bulk.insert(
        [
            bulk.new(
                EpochMember,
                {"epoch_id": epoch.pk, "node_id": UUID(node.id), "role": _ROLES[node.role]},
                {"epoch": epoch},
            )
            for node in inputs.state.nodes
        ]
    )
    return epoch
