"""What the console offers this node now: the newest list, the one before, or none that it may take yet."""

from __future__ import annotations

import time
from dataclasses import dataclass

from governance.agent import ledger, log, rollout
from governance.agent.config import Config
from governance.agent.errors import NotTrusted
from governance.agent.repository import Listing, Repository
from governance.agent.state import Refusal, State

_FIRST_WAIT = 300.0  # seconds before a list that the node refused is tried again; doubles each time
_LONGEST_WAIT = 6 * 3600.0


@dataclass(frozen=True)
class Offer:
    """``files`` of ``epoch`` by target path; None: keep what is in force.

    ``held``: an epoch that waits for its wave, or 0.
    """

    epoch: int
    files: dict[str, bytes] | None = None
    held: int = 0


def look(
    config: Config, repository: Repository, paths: tuple[str, ...], node: str, known: State, *, retry: bool
) -> Offer:
    """Which list this node should have now. Raises NotTrusted, NotPublished, Unreachable.

    ``retry``: also one that the node refused a moment ago.
    """
    newest = repository.newest(paths)
    if newest.epoch < known.epoch:
        raise NotTrusted(f"epoch {newest.epoch} is older than {known.epoch}, which is in force")
    chosen, held = _permitted(repository, newest, paths, node, known)
    check_log(config, repository, chosen or newest)
    if chosen is None or _refused_lately(chosen.epoch, known.refused, retry=retry):
        return Offer(known.epoch, None, held)
    return Offer(chosen.epoch, repository.files(chosen), held)


def _permitted(
    repository: Repository, newest: Listing, paths: tuple[str, ...], node: str, known: State
) -> tuple[Listing | None, int]:
    """The list to take, None for the one in force; and the epoch that waits for its wave, or 0."""
    if newest.epoch in (known.epoch, known.owed) or _admits(repository, newest, node):
        return newest, 0
    former = repository.former(paths)
    if former is None or former.epoch < max(known.epoch, known.owed):
        return None, newest.epoch
    return former, newest.epoch


def _admits(repository: Repository, newest: Listing, node: str) -> bool:
    document = repository.document("rollout.json")
    if document is None or document.get("epoch") != newest.epoch:  # nobody holds this epoch back
        return True
    try:
        return rollout.admits(document, node)
    except ValueError as error:
        raise NotTrusted(f"rollout.json: {error}") from error


def check_log(config: Config, repository: Repository, listing: Listing) -> None:
    """The log must hold what is about to be taken, and still all that it held before. Raises NotTrusted.

    What was seen is remembered at once: it is evidence, whether the list is applied or not.
    """
    remembered = log.load(config.state_dir)
    newest = repository.content("log.json")
    if newest is None:
        if remembered.size:
            raise NotTrusted(f"the log of digests is gone; it had {remembered.size} entries")
        return
    document = log.read(newest)
    pages = {}
    for number in log.missing(document, remembered, listing.epoch):
        page = repository.content(log.page_target(number))
        if page is not None:
            pages[number] = log.read(page)
    checkpoint = log.verify(
        document,
        remembered,
        network=config.network,
        epoch=listing.epoch,
        files={path: listing.sha256(path) for path in listing.targets},
        pages=pages,
    )
    ledger.check(config, document)
    if checkpoint != remembered:
        log.save(config.state_dir, checkpoint)


def _refused_lately(epoch: int, refused: Refusal | None, *, retry: bool) -> bool:
    """A clock that was set back does not prolong the wait."""
    if refused is None or refused.epoch != epoch or retry:
        return False
    wait = min(_FIRST_WAIT * 2.0 ** min(refused.tries - 1, 16), _LONGEST_WAIT)
    return refused.at <= time.time() < refused.at + wait
