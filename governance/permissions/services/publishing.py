"""From compiled epochs to the signed repository that the nodes read."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models.functions import Length

from consortium.core import clock, events, garbage, outbox
from governance.permissions import digests, holding, logbook, published, rules
from governance.permissions.errors import DatabaseOlder
from governance.permissions.models import Epoch, EpochFile, LogEntry
from governance.permissions.repository.content import Content
from governance.permissions.repository.state import State
from governance.permissions.services import entering, rollouts, stores
from governance.permissions.services.locking import keep_others_out
from governance.permissions.tufrepo import Repository

_TRIES = 20  # epochs are compiled seconds apart


def publish() -> list[Epoch]:
    """Publish each network's newest epoch that is not held, and renew metadata; returns the new ones.

    Files first, rows after: a run that dies in between is finished by the next, which finds the files as they
    should be. But first of all, and for good, its entry in the log of digests (:mod:`.entering` says why).
    Raises NoListKeys, RepositoryLost, DatabaseOlder, certs.errors.KeysNotAvailable.
    """
    for _ in range(_TRIES):
        _enter()
        with garbage.collected_later(), transaction.atomic():
            keep_others_out()
            epochs = list(holding.publishable())
            if not logbook.without_entry(epochs):
                return _publish(epochs)
    raise outbox.Later(1, "a newer epoch came at every attempt to publish")


def _enter() -> None:
    with transaction.atomic():
        keep_others_out()
        repository = Repository()
        found = repository.state()  # nothing is entered that could not be published
        epochs = list(holding.publishable())
        for network in sorted(found.networks()):
            _check_past(repository, found, network)
        entering.enter(epochs)


def _check_past(repository: Repository, found: State, network: str) -> None:
    """Raises DatabaseOlder where nodes could read entries of the log that the database knows nothing of.

    It was restored from before them. The next epoch would take their numbers and places: to nodes a fork.
    """
    target = found.files(network).get(f"{network}/{digests.PATH}")
    if target is None:
        return
    content, entries = repository.content(target), LogEntry.objects.filter(network=network)
    if content is not None:
        said = json.loads(content)
        entries = entries.filter(position=said["size"], head=said["head"])  # it stands for all before it
    else:  # files are written again; that they were published is in the metadata
        entries = entries.filter(epoch__number=int((target.custom or {}).get("epoch", 0)))
    if not entries.exists():
        raise DatabaseOlder(network=network, directory=str(repository.directory))


def _publish(epochs: list[Epoch]) -> list[Epoch]:
    now = clock.now()
    rollouts.begin(epochs, now)
    version = Repository().publish(_wanted(epochs), now)
    stores.upload()
    fresh = [epoch for epoch in epochs if epoch.published_at is None]
    for epoch in fresh:
        _mark(epoch, version, now)
    rollouts.reached(epochs, now)
    return fresh


refresh = publish  # renewing signatures is publishing without news


def _wanted(epochs: list[Epoch]) -> dict[str, dict[str, Content]]:
    """What is to be published: by network, then by path in its folder. No list's bytes are read here."""
    wanted: dict[str, dict[str, Content]] = {epoch.network_id: {} for epoch in epochs}
    headers = {epoch.pk: _header(epoch) for epoch in epochs}
    rows = EpochFile.objects.filter(epoch__in=epochs).annotate(length=Length("content"))
    for file in rows.select_related("epoch").defer("content").order_by("path"):
        custom = headers[file.epoch_id].custom()
        wanted[file.epoch.network_id][file.path] = Content(
            file.sha256, file.length, custom, partial(_bytes, file.pk)
        )
    for epoch in epochs:
        for path, target in published.extra_targets(epoch.network_id, epoch).items():
            wanted[epoch.network_id][path] = Content.of(target)
    return wanted


def _header(epoch: Epoch) -> rules.Header:
    return rules.Header(epoch.network_id, epoch.number, epoch.block, epoch.tx_hash, epoch.effective_at)


def _bytes(pk: int) -> bytes:
    return bytes(EpochFile.objects.values_list("content", flat=True).get(pk=pk))


def _mark(epoch: Epoch, version: int, now: datetime) -> None:
    epoch.published_at, epoch.tuf_version = now, version
    epoch.save(update_fields=["published_at", "tuf_version"])
    events.record(
        "epoch.published",
        epoch,
        actor=events.SIGNER,
        network=epoch.network_id,
        epoch=epoch.number,
        version=version,
    )
