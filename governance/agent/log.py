"""The log of digests, as a node reads it: was I given the lists that everybody was given?

Each published epoch of a network is an entry of a hash chain: its number, and one digest of all its files.
The chain's head stands for everything before it. A node remembers how long the log was and its head; what
is published later must contain that very beginning. Two nodes with the same size and head were given the
same lists, epoch by epoch; :mod:`governance.agent.compare` says so of two nodes' records, and
:mod:`governance.agent.anchors` holds the head against the ledger's.

How a round uses it::

    remembered = log.load(state_dir)
    document = log.read(<bytes of the target log.json>)
    pages = {k: log.read(<bytes of the target log/k.json>) for k in log.missing(document, remembered, epoch)}
    checkpoint = log.verify(document, remembered, network=…, epoch=…, files={path: sha256}, pages=pages)
    log.save(state_dir, checkpoint)      # once what was fetched is in force, or is kept as evidence
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from governance.agent import files as agent_files
from governance.agent.errors import NotTrusted

PAGE = 1000  # entries in a full page, and at most in the newest part
START = "0" * 64  # the head of a log without entries
LARGEST = 1024 * 1024  # bytes of a document; a thousand entries take about a tenth

_PAGES = 1000  # at most between what is remembered and the newest part: a million lists
_OPENINGS = 2 * PAGE  # so many parts at most, and none so deep that a parser's stack would not hold it
_FILE = "log.json"  # in the agent's own directory
_HEX = frozenset("0123456789abcdef")


class LogNotTrusted(NotTrusted):
    """The log is not the one this node was given before. ``what`` says in a word how.

    ``unreadable``, ``network`` (another network's), ``broken`` (its entries do not lead to its head), ``gap``
    (older pages are needed), ``shrunk``, ``forked``, ``files`` (the files got are not those that it names) or
    ``anchor`` (the ledger has another head, see :mod:`governance.agent.anchors`).
    """

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"the log of digests is not to be trusted ({what}): {detail}")
        self.what = what


class Gap(LogNotTrusted):
    """The newest part begins after what this node remembers. ``targets`` are the pages to be fetched."""

    def __init__(self, targets: tuple[str, ...]) -> None:
        super().__init__("gap", f"{', '.join(targets)} are needed")
        self.targets = targets


@dataclass(frozen=True)
class Checkpoint:
    """How long the log was, and its head then. Before the first, ``network`` is empty."""

    network: str = ""
    size: int = 0
    head: str = START


@dataclass(frozen=True)
class Anchored:
    """What the console says it wrote to the ledger; believed only once the ledger says so."""

    size: int
    head: str
    contract: str
    chain_id: int
    tx_hash: str
    block: int | None


@dataclass(frozen=True)
class Former:
    """The epoch that is for those who wait for the newest, with SHA-256 of all its files by path."""

    epoch: int
    files: Mapping[str, str]


@dataclass(frozen=True)
class Document:
    """``log.json`` or one of its older pages, well-formed but not verified yet.

    ``entries`` are (epoch, digest), from number ``first`` (counted from 1) on; ``before`` is the head there.
    """

    network: str
    size: int
    head: str
    first: int
    before: str
    entries: tuple[tuple[int, str], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    anchored: Anchored | None = None
    former: Former | None = None

    @property
    def last(self) -> int:
        """The number of its last entry."""
        return self.first + len(self.entries) - 1


# --- The chain --------------------------------------------------------------------------------------------
def leaf(network: str, epoch: int, digest: str) -> bytes:
    """An entry's own hash: of its compact JSON with sorted keys."""
    said = json.dumps(
        {"digest": digest, "epoch": epoch, "network": network}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(said.encode()).digest()


def follow(network: str, before: str, entries: Iterable[tuple[int, str]]) -> list[str]:
    """The heads after each of ``entries``, of a log whose head was ``before``."""
    found, head = [], bytes.fromhex(before)
    for epoch, digest in entries:
        head = hashlib.sha256(head + leaf(network, epoch, digest)).digest()
        found.append(head.hex())
    return found


def digest_of(files: Mapping[str, str]) -> str:
    """One hash for all files of an epoch: of what ``sha256sum`` prints of them, sorted by path."""
    lines = "".join(f"{value}  {path}\n" for path, value in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


# --- Verifying --------------------------------------------------------------------------------------------
def missing(document: Document, remembered: Checkpoint, epoch: int = 0) -> tuple[int, ...]:
    """The numbers of the older pages without which nothing leads from what is remembered to the newest part.

    None for who remembers nothing: where the log begins is of no use to it, see :func:`verify`. And the page
    before the newest part, where an ``epoch`` that is to be looked up is older than that part's first.
    """
    last = (document.first - 2) // PAGE
    sought = {last} if last >= 0 and 0 < epoch < document.entries[0][0] else set()
    return tuple(sorted({*_leading(document, remembered), *sought}))


def _leading(document: Document, remembered: Checkpoint) -> range:
    if remembered.size == 0 or remembered.size >= document.first - 1:
        return range(0)
    pages = range(remembered.size // PAGE, (document.first - 2) // PAGE + 1)
    if len(pages) > _PAGES:
        raise LogNotTrusted("gap", f"{len(pages)} pages are missing")
    return pages


def page_target(number: int) -> str:
    """The path of an older page in the network's folder."""
    return f"log/{number}.json"


def verify(
    document: Document,
    remembered: Checkpoint,
    *,
    network: str,
    epoch: int,
    files: Mapping[str, str],
    pages: Mapping[int, Document] | None = None,
) -> Checkpoint:
    """What to remember from now on. ``files``: SHA-256 of what was fetched of ``epoch``, by target path.

    ``files`` need not be all of the epoch. A node that is not given the newest epoch yet (another wave's
    turn) has files that the newest digest says nothing of: then the document's ``former`` names that epoch's
    files, which must be those of its own entry. An older epoch without both is not taken.

    Who remembers nothing takes the newest part as it is: from then on nothing can be changed in it.

    Raises LogNotTrusted with what is wrong; its subclass Gap where older ``pages`` are needed.
    """
    if document.network != network:
        raise LogNotTrusted("network", f"it is {document.network or 'none'}'s, not {network}'s")
    if remembered.network not in {"", network}:
        raise LogNotTrusted("network", f"what is remembered is {remembered.network}'s, not {network}'s")
    known = heads(document)
    if document.last != document.size or known[document.size] != document.head:
        raise LogNotTrusted("broken", "its entries do not lead to its head")
    older = _older(document, remembered, known, pages or {})
    _extends(document, remembered, {**older.heads, **known})
    _holds(document, older.entries, epoch, files)
    return Checkpoint(network, document.size, document.head)


def heads(document: Document) -> dict[int, str]:
    """The head at each size that the document's entries lead over."""
    found = follow(document.network, document.before, document.entries)
    return {document.first - 1: document.before, **dict(enumerate(found, start=document.first))}


def _extends(document: Document, remembered: Checkpoint, known: Mapping[int, str]) -> None:
    if remembered.size == 0:
        return
    if document.size < remembered.size:
        raise LogNotTrusted("shrunk", f"{document.size} entries, {remembered.size} were there before")
    found = known[remembered.size]
    if found != remembered.head:
        raise LogNotTrusted("forked", f"at {remembered.size} its head is {found}, it was {remembered.head}")


@dataclass(frozen=True)
class _Older:
    """What the older pages say: the heads they lead over, and the digests by epoch."""

    heads: dict[int, str] = field(default_factory=dict)
    entries: dict[int, str] = field(default_factory=dict)


def _older(
    document: Document, remembered: Checkpoint, known: Mapping[int, str], pages: Mapping[int, Document]
) -> _Older:
    """Over the older pages, each of which must lead to where the next one begins."""
    absent = [number for number in _leading(document, remembered) if number not in pages]
    if absent:
        raise Gap(tuple(page_target(number) for number in absent))
    found, expected = _Older(), known[document.first - 1]
    number = (document.first - 2) // PAGE
    while number in pages:
        page, target = pages[number], page_target(number)
        if (page.network, page.first) != (document.network, number * PAGE + 1):
            raise LogNotTrusted("broken", f"{target} is another page")
        over, end = heads(page), min((number + 1) * PAGE, document.first - 1)
        if over.get(end) != expected:
            raise LogNotTrusted("broken", f"{target} does not lead to what comes after it")
        expected = page.before
        found.heads.update(over)
        found.entries.update(page.entries[: end - page.first + 1])
        number -= 1
    return found


def _holds(document: Document, older: Mapping[int, str], epoch: int, files: Mapping[str, str]) -> None:
    """Were these files logged for this epoch?"""
    newest, digest = document.entries[-1]
    if digest_of(document.files) != digest:
        raise LogNotTrusted("files", f"the files it names are not those of epoch {newest}")
    if epoch > newest:
        raise LogNotTrusted("files", f"epoch {epoch} is not in it, it ends with {newest}")
    logged = document.files if epoch == newest else _former(document, older, epoch)
    for path, value in sorted(files.items()):
        if logged.get(path) != value:
            raise LogNotTrusted("files", f"{path} is not the one that is logged for epoch {epoch}")


def _former(document: Document, older: Mapping[int, str], epoch: int) -> Mapping[str, str]:
    """The files of an older epoch. What nothing vouches for is not taken: only the log says what is older."""
    digest = {**older, **dict(document.entries)}.get(epoch)
    if digest is None:
        raise LogNotTrusted("files", f"epoch {epoch} is not in it")
    if document.former is None or document.former.epoch != epoch:
        raise LogNotTrusted("files", f"it does not name the files of epoch {epoch}")
    if digest_of(document.former.files) != digest:
        raise LogNotTrusted("files", f"the files it names are not those of epoch {epoch}")
    return document.former.files


# --- Reading ----------------------------------------------------------------------------------------------
def read(data: bytes) -> Document:
    """A document from its bytes. Raises LogNotTrusted for what is none, whoever signed it."""
    if len(data) > LARGEST or data.count(b"[") + data.count(b"{") > _OPENINGS:
        raise LogNotTrusted("unreadable", f"more than {LARGEST} bytes, or {_OPENINGS} lists in them")
    try:
        return _document(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LogNotTrusted("unreadable", f"{type(error).__name__}: {error}") from error


def _document(body: Any) -> Document:
    first, before = _count(body["first"]), _hash(body["before"])
    if first == 1 and before != START:
        raise ValueError("nothing comes before the first entry")
    entries = tuple((_count(entry["epoch"]), _hash(entry["digest"])) for entry in _list(body["entries"]))
    epochs = [epoch for epoch, _ in entries]
    if not entries or len(entries) > PAGE or any(a >= b for a, b in pairwise(epochs)):
        raise ValueError(f"1 … {PAGE} entries, of rising epochs")
    if first > epochs[0]:
        raise ValueError("more entries before the first than there were epochs")
    return Document(
        network=_text(body["network"], 32),
        size=_count(body["size"]),
        head=_hash(body["head"]),
        first=first,
        before=before,
        entries=entries,
        files=_files(body.get("files") or {}),
        anchored=_anchored(body.get("anchored")),
        former=_of_former(body.get("former")),
    )


def _of_former(value: Any) -> Former | None:
    """A console of before says nothing of it."""
    return None if value is None else Former(_count(value["epoch"]), _files(value["files"]))


def _files(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("files by their paths were expected")
    return {_text(path, 200): _hash(each) for path, each in value.items()}


def _anchored(value: Any) -> Anchored | None:
    if value is None:
        return None
    block = value["block"]
    return Anchored(
        size=_count(value["size"]),
        head=_hash(value["head"]),
        contract=_text(value["contract"], 42),
        chain_id=_count(value["chain_id"]),
        tx_hash=_text(value["tx_hash"], 66),
        block=None if block is None else _count(block),
    )


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise ValueError(f"{value!r:.80} is no number above 0")
    return value


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= _HEX:
        raise ValueError(f"{value!r:.80} is no SHA-256")
    return value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise ValueError(f"{value!r:.80} is no name")
    return value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value


# --- Remembering ------------------------------------------------------------------------------------------
def load(directory: Path, name: str = _FILE) -> Checkpoint:
    """What was remembered in the agent's own directory; the empty one where nothing was yet.

    Raises LogNotTrusted for a record that can't be read: who made it unreadable would be believed anew.
    """
    try:
        text = (directory / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Checkpoint()
    try:
        body = json.loads(text)
        return Checkpoint(_text(body["network"], 32), _count(body["size"]), _hash(body["head"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LogNotTrusted("unreadable", f"{directory / name}: {error}") from error


def save(directory: Path, checkpoint: Checkpoint) -> None:
    """Remember ``checkpoint``, whole or not at all."""
    body = {"network": checkpoint.network, "size": checkpoint.size, "head": checkpoint.head}
    agent_files.write(directory / _FILE, (json.dumps(body) + "\n").encode(), mode=0o600)
