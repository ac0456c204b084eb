"""The log of digests as a node reads it: what it remembers can't be changed behind its back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.agent import log
from governance.agent.log import Checkpoint, Document, Gap, LogNotTrusted

NETWORK = "mainnet"
FILES = {"permissions.json": "a" * 64, "besu/permissions_config.toml": "b" * 64}
DIGEST = log.digest_of(FILES)


def digest(number: int) -> str:
    return hashlib.sha256(f"list {number}".encode()).hexdigest()


def entries(count: int) -> list[tuple[int, str]]:
    """Epochs as they were published: not every number is, an epoch that was held has none."""
    return [(2 * number, digest(number)) for number in range(1, count)] + [(2 * count, DIGEST)]


def published(listed: list[tuple[int, str]], first: int | None = None, network: str = NETWORK) -> Document:
    """The newest part of a log with these entries, beginning with its last page or with ``first``."""
    size = len(listed)
    first = first or (size - 1) // log.PAGE * log.PAGE + 1
    heads = [log.START, *log.follow(network, log.START, listed)]
    return Document(
        network, size, heads[size], first, heads[first - 1], tuple(listed[first - 1 :]), FILES, None
    )


def page(listed: list[tuple[int, str]], number: int) -> Document:
    size = (number + 1) * log.PAGE
    return replace(published(listed[:size], number * log.PAGE + 1), files={})


def at(listed: list[tuple[int, str]], size: int) -> Checkpoint:
    if size == 0:
        return Checkpoint()
    return Checkpoint(NETWORK, size, log.follow(NETWORK, log.START, listed[:size])[-1])


def verified(
    document: Document, remembered: Checkpoint, pages: dict[int, Document] | None = None
) -> Checkpoint:
    return log.verify(
        document, remembered, network=NETWORK, epoch=document.entries[-1][0], files=FILES, pages=pages
    )


# --- What is right ----------------------------------------------------------------------------------------
def test_the_chain_is_what_its_description_says() -> None:
    said = b'{"digest":"' + DIGEST.encode() + b'","epoch":7,"network":"mainnet"}'
    assert log.leaf(NETWORK, 7, DIGEST) == hashlib.sha256(said).digest()
    first = hashlib.sha256(bytes(32) + hashlib.sha256(said).digest()).hexdigest()
    assert log.follow(NETWORK, log.START, [(7, DIGEST)]) == [first]
    printed = f"{'b' * 64}  besu/permissions_config.toml\n{'a' * 64}  permissions.json\n"
    assert digest_of_text(printed) == DIGEST


def digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@given(st.integers(1, 40), st.data())
def test_a_log_that_only_grew_is_taken(count: int, data: st.DataObject) -> None:
    listed = entries(count)
    known = data.draw(st.integers(0, count))
    found = verified(published(listed), at(listed, known))
    assert found == at(listed, count)
    assert verified(published(listed), found) == found, "and again when nothing is new"


def test_older_pages_are_asked_for_and_lead_to_the_newest_part() -> None:
    listed = entries(3 * log.PAGE + 5)
    document, remembered = published(listed), at(listed, 1500)
    with pytest.raises(Gap) as gap:
        verified(document, remembered)
    assert gap.value.targets == ("log/1.json", "log/2.json")
    assert log.missing(document, remembered) == (1, 2)
    pages = {number: page(listed, number) for number in (1, 2)}
    assert verified(document, remembered, pages) == at(listed, 3005)
    assert log.missing(document, at(listed, 3000)) == ()
    assert log.missing(document, Checkpoint()) == ()


@pytest.mark.parametrize("known", [1000, 1001, 1999, 2000, 2999])
def test_at_the_pages_edges_nothing_is_lost(known: int) -> None:
    listed = entries(2 * log.PAGE + 1000)
    document, remembered = published(listed), at(listed, known)
    pages = {number: page(listed, number) for number in log.missing(document, remembered)}
    assert verified(document, remembered, pages) == at(listed, 3000)


# --- What is not ------------------------------------------------------------------------------------------
@given(st.integers(2, 40), st.data())
def test_a_changed_entry_is_found_by_whoever_remembers_it(count: int, data: st.DataObject) -> None:
    listed = entries(count)
    known = data.draw(st.integers(1, count - 1))
    changed = data.draw(st.integers(0, known - 1))
    epoch, _ = listed[changed]
    forged = [*listed[:changed], (epoch, digest(10**6)), *listed[changed + 1 :]]
    with pytest.raises(LogNotTrusted) as error:
        verified(published(forged), at(listed, known))
    assert error.value.what == "forked"


@given(st.integers(2, 40), st.data())
def test_a_removed_or_slipped_in_entry_is_found(count: int, data: st.DataObject) -> None:
    listed = entries(count)
    known = data.draw(st.integers(1, count - 1))
    place = data.draw(st.integers(0, known - 1))
    removed = [*listed[:place], *listed[place + 1 :]]
    slipped_in = [*listed[:place], (listed[place][0] - 1, digest(10**6)), *listed[place:]]
    for forged in (removed, slipped_in):
        with pytest.raises(LogNotTrusted) as error:
            verified(published(forged), at(listed, known))
        assert error.value.what in {"forked", "shrunk"}


@given(st.integers(2, 40), st.data())
def test_a_log_that_lost_its_end_is_found(count: int, data: st.DataObject) -> None:
    listed = entries(count)
    shorter = data.draw(st.integers(1, count - 1))
    cut = [*listed[: shorter - 1], (listed[shorter - 1][0], DIGEST)]
    with pytest.raises(LogNotTrusted) as error:
        verified(published(cut), at(listed, count))
    assert error.value.what == "shrunk"


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.integers(0, 3)), min_size=1, max_size=8, unique_by=lambda e: e[0]
    ),
    st.lists(
        st.tuples(st.integers(1, 99), st.integers(0, 3)), min_size=1, max_size=8, unique_by=lambda e: e[0]
    ),
)
def test_equal_size_and_head_mean_the_same_lists(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    mine = [(epoch, digest(content)) for epoch, content in sorted(ours)]
    yours = [(epoch, digest(content)) for epoch, content in sorted(theirs)]
    assert (at(mine, len(mine)) == at(yours, len(yours))) == (mine == yours)


def test_a_page_with_another_past_does_not_lead_to_the_newest_part() -> None:
    listed = entries(2 * log.PAGE + 1)
    document, remembered = published(listed), at(listed, 5)
    forged = [(epoch, digest(10**6)) for epoch, _ in listed]
    for pages in (
        {0: page(forged, 0), 1: page(listed, 1)},
        {0: page(listed, 0), 1: page(forged, 1)},
        {0: page(listed, 1), 1: page(listed, 0)},
    ):
        with pytest.raises(LogNotTrusted) as error:
            verified(document, remembered, pages)
        assert error.value.what == "broken"


def test_entries_that_do_not_lead_to_the_head_are_refused() -> None:
    document = published(entries(5))
    for wrong in (
        replace(document, head="0" * 64),
        replace(document, size=6),
        replace(document, before="1" * 64),
    ):
        with pytest.raises(LogNotTrusted) as error:
            verified(wrong, Checkpoint())
        assert error.value.what == "broken"


def test_files_that_were_not_logged_are_refused() -> None:
    document = published(entries(5))
    other = {**FILES, "permissions.json": "c" * 64}
    for epoch, files in ((10, other), (10, {"new.json": "a" * 64}), (11, FILES), (9, FILES)):
        with pytest.raises(LogNotTrusted) as error:
            log.verify(document, Checkpoint(), network=NETWORK, epoch=epoch, files=files)
        assert error.value.what == "files"
    with pytest.raises(LogNotTrusted, match="files it names"):
        verified(replace(document, files=other), Checkpoint())


# --- Who waits for its wave -------------------------------------------------------------------------------
FORMER = {"permissions.json": "d" * 64, "besu/permissions_config.toml": "e" * 64}


def rolled_out(count: int, *, before: int = 1) -> tuple[Document, Document]:
    """A log whose last entry goes out in stages, the former one ``before`` it; and its first page."""
    listed = entries(count)
    listed[count - 1 - before] = (2 * (count - before), log.digest_of(FORMER))
    document = replace(published(listed), former=log.Former(2 * (count - before), FORMER))
    return document, page(listed, 0) if count > log.PAGE else document


def waiting(
    document: Document, epoch: int, files: dict[str, str], pages: dict[int, Document] | None = None
) -> Checkpoint:
    return log.verify(document, Checkpoint(), network=NETWORK, epoch=epoch, files=files, pages=pages)


def test_who_waits_is_told_by_the_entry_of_its_own_epoch() -> None:
    document, _ = rolled_out(5)
    for files in (FORMER, {"permissions.json": "d" * 64}):
        assert waiting(document, 8, files).size == 5


def test_a_former_list_that_nothing_vouches_for_is_refused() -> None:
    document, _ = rolled_out(5)
    forged = {**FORMER, "permissions.json": "f" * 64}
    for wrong, epoch, files in (
        (document, 8, forged),  # not the files that the log names
        (document, 8, {"new.json": "a" * 64}),
        (replace(document, former=log.Former(8, forged)), 8, forged),  # named, and not those of the entry
        (replace(document, former=None), 8, FORMER),
        (document, 6, FORMER),  # another epoch of the log
        (replace(document, former=log.Former(7, FORMER)), 7, FORMER),  # none of the log
    ):
        with pytest.raises(LogNotTrusted) as error:
            waiting(wrong, epoch, files)
        assert error.value.what == "files"


def test_a_former_list_whose_entry_is_on_an_older_page_is_looked_up_there() -> None:
    document, first = rolled_out(log.PAGE + 1)
    assert log.missing(document, Checkpoint(), 2 * log.PAGE) == (0,)
    assert log.missing(document, Checkpoint(), 2 * log.PAGE + 2) == ()
    assert waiting(document, 2 * log.PAGE, FORMER, {0: first}).size == log.PAGE + 1
    with pytest.raises(LogNotTrusted) as error:
        waiting(document, 2 * log.PAGE, FORMER)
    assert error.value.what == "files"
    with pytest.raises(LogNotTrusted) as error:
        waiting(document, 2 * log.PAGE, FORMER, {0: page(entries(log.PAGE), 0)})
    assert error.value.what == "broken"


def test_another_networks_log_is_refused() -> None:
    custody = published(entries(3), network="custody")
    with pytest.raises(LogNotTrusted) as error:
        verified(custody, Checkpoint())
    assert error.value.what == "network"
    with pytest.raises(LogNotTrusted) as error:
        verified(published(entries(3)), replace(at(entries(3), 2), network="custody"))
    assert error.value.what == "network"


# --- Reading and remembering ------------------------------------------------------------------------------
def as_json(document: Document) -> dict[str, object]:
    return {
        "network": document.network,
        "size": document.size,
        "head": document.head,
        "first": document.first,
        "before": document.before,
        "entries": [{"epoch": epoch, "digest": value} for epoch, value in document.entries],
        "files": dict(document.files),
        "anchored": None,
        "former": document.former and {"epoch": document.former.epoch, "files": dict(document.former.files)},
    }


def test_a_document_is_read_as_it_was_written() -> None:
    document = published(entries(5))
    assert log.read(json.dumps(as_json(document)).encode()) == document
    anchored = {
        "size": 4,
        "head": "e" * 64,
        "contract": "0x" + "1" * 40,
        "chain_id": 1,
        "tx_hash": "0x1",
        "block": 9,
    }
    found = log.read(json.dumps({**as_json(document), "anchored": anchored}).encode())
    assert found.anchored == log.Anchored(**anchored)  # type: ignore[arg-type]
    staged, _ = rolled_out(5)
    assert log.read(json.dumps(as_json(staged)).encode()) == staged
    of_before = {name: value for name, value in as_json(document).items() if name != "former"}
    assert log.read(json.dumps(of_before).encode()) == document


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "5"}, {"size": True}, {"size": 0}, {"size": 2**64}, {"head": "x" * 64}, {"head": "a" * 63},
        {"entries": []}, {"entries": {}}, {"entries": [{"epoch": 1}]}, {"entries": [[1, 2]]},
        {"entries": [{"epoch": 2, "digest": "a" * 64}, {"epoch": 2, "digest": "a" * 64}]},
        {"entries": [{"epoch": n + 1, "digest": "a" * 64} for n in range(1001)]},
        {"former": [1]}, {"former": {"epoch": 2}}, {"former": {"epoch": 0, "files": {}}},
        {"former": {"epoch": 2, "files": {"a": "b"}}},
        {"files": [1]}, {"files": {"a": "b"}}, {"anchored": {}}, {"network": "\x1b[2J"}, {"before": "1" * 64},
    ],
)  # fmt: skip
def test_what_is_no_log_is_refused_with_a_reason(wrong: dict[str, object]) -> None:
    body = {**as_json(published(entries(5))), **wrong}
    with pytest.raises(LogNotTrusted) as error:
        log.read(json.dumps(body).encode())
    assert error.value.what == "unreadable"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises(LogNotTrusted):
        log.read(data)


def test_endless_data_are_refused() -> None:
    for data in (b"[" * log.LARGEST, b" " * (log.LARGEST + 1), b"[" * 100_000):
        with pytest.raises(LogNotTrusted):
            log.read(data)


def test_a_checkpoint_outlives_the_agent_and_is_not_forgotten_silently(tmp_path: Path) -> None:
    assert log.load(tmp_path) == Checkpoint()
    log.save(tmp_path, at(entries(4), 4))
    assert log.load(tmp_path) == at(entries(4), 4)
    (tmp_path / "log.json").write_text('{"network": "mainnet", "si')
    with pytest.raises(LogNotTrusted):
        log.load(tmp_path)
