"""Forged bundles and ranges, each sealed again: none is taken, and each refusal has a code of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.bundles import bundle_of
from governance.verify import canonical, checks, events, texts
from governance.verify.document import Bundle
from governance.verify.errors import NotProven
from governance.verify.sources import BlocksSource, LedgerSource, Source
from governance.verify.story import Story as Checked
from governance.verify.story import Trusted
from tests.verify.conftest import Story
from tests.verify.test_verify import verify

Document = dict[str, Any]
NOTHING = Trusted()
STRANGER = "0x24c13c7f8EeE737B0FA09b26014E2eCB773cf521"


@pytest.fixture
def document(story: Story) -> Document:
    found: Document = json.loads(story.bundle)
    return found


@pytest.fixture
def source(story: Story) -> Iterator[LedgerSource]:
    with LedgerSource(story.ledger, 0) as found:
        yield found


def code_of(document: Document, source: Source, trusted: Trusted = NOTHING) -> str:
    """What the forged document is refused for; empty where it is taken."""
    try:
        list(checks.check(Checked(Bundle.read(canonical.sealed(document)), source, None, trusted)))
    except NotProven as error:
        return error.code
    return ""


def is_vote(log: Document) -> bool:
    found = events.event(log)
    return found is not None and found.name == "VoteCast"


def without(document: Document, part: str, place: int) -> Document:
    return {**document, part: document[part][:place] + document[part][place + 1 :]}


def forged(document: Document) -> Iterator[tuple[str, Document]]:
    """By the code that is expected."""
    logs = document["logs"]
    vote = next(place for place, log in enumerate(logs) if is_vote(log))
    cast, last = logs[vote], logs[-1]
    ledger = document["ledger"]
    yield "", document
    yield "vote_left_out", without(document, "logs", vote)
    yield "ballot_twice", {**document, "ballots": [*document["ballots"], document["ballots"][0]]}
    voter = "0x" + STRANGER[2:].lower().rjust(64, "0")
    added = {**cast, "topics": [cast["topics"][0], voter, *cast["topics"][2:]], "index": cast["index"] + 9}
    yield "vote_put_in", {**document, "logs": [*logs[: vote + 1], added, *logs[vote + 1 :]]}
    yield "log_left_out", without(document, "logs", 0)
    yield "log_put_in", {**document, "logs": [*logs, {**last, "index": last["index"] + 1}]}
    yield "logs_reordered", {**document, "logs": [logs[1], logs[0], *logs[2:]]}
    yield "other_governor", {**document, "ledger": {**ledger, "governor": STRANGER}}
    yield "other_chain", {**document, "ledger": {**ledger, "chain_id": ledger["chain_id"] + 1}}
    yield "epoch_twice", {**document, "lists": [*document["lists"], *document["lists"]]}
    elsewhere = [{**one, "network": "elsewhere"} for one in document["lists"]]
    yield "epoch_of_another_network", {**document, "lists": elsewhere}


def test_each_forgery_is_refused_for_what_it_is(document: Document, source: LedgerSource) -> None:
    wanted = dict(forged(document))
    assert {code: code_of(forgery, source) for code, forgery in wanted.items()} == {c: c for c in wanted}


def test_a_vote_for_another_ledger_and_governor_can_not_be_described_anew(
    document: Document, source: LedgerSource
) -> None:
    """The description is part of the proposal's id."""
    ledger, asked = document["ledger"], document["proposal"]
    moved = asked["description"].replace(ledger["governor"], STRANGER)
    forgery = {
        **document,
        "ledger": {**ledger, "governor": STRANGER},
        "proposal": {**asked, "description": moved},
    }
    assert code_of(forgery, source) == "other_id"


def test_the_execution_and_the_list_of_another_decision_are_refused(
    story: Story, document: Document, source: LedgerSource
) -> None:
    stage = story.stage
    node = stage.node(stage.banks[0])
    second = stage.decided("admit_node", institution=stage.banks[0], node=node, node_role=1)
    second.refresh_from_db()
    other: Document = json.loads(bundle_of(second))
    executed = [log for log in other["logs"] if log["tx_hash"] == other["logs"][-1]["tx_hash"]]
    voted = [log for log in document["logs"] if log["tx_hash"] != document["logs"][-1]["tx_hash"]]
    with LedgerSource(story.ledger, 0) as later:
        assert code_of(other, later) == ""
        swapped = {**document, "logs": [*voted, *executed]}
        assert code_of(swapped, later) == "other_proposals_events"
        earlier = {**other, "lists": document["lists"], "acknowledgements": document["acknowledgements"]}
        assert code_of(earlier, later) == "epoch_before_execution"


def blocks_of(story: Story, tmp_path: Path) -> Document:
    (tmp_path / "bundle.json").write_bytes(story.bundle)
    said = verify(tmp_path / "bundle.json", "--ledger", story.ledger, "--export", tmp_path / "blocks.json")
    assert said.returncode == 0, said.stdout + said.stderr
    found: Document = json.loads((tmp_path / "blocks.json").read_bytes())
    return found


def test_each_forged_range_is_refused_for_what_it_is(
    story: Story, document: Document, tmp_path: Path
) -> None:
    exported = blocks_of(story, tmp_path)
    seats = story.stage.seats.address
    found = {code: range_code(forgery, document, seats) for code, forgery in forged_ranges(exported)}
    assert found == {code: code for code in found}


def forged_ranges(exported: Document) -> Iterator[tuple[str, Document]]:
    """By the code that is expected."""
    told = exported["blocks"]
    full = next(place for place, block in enumerate(told) if block.get("receipts"))
    block = told[full]
    yield "", exported
    yield "block_out_of_order", {**exported, "blocks": [told[1], told[0], *told[2:]]}
    yield "ledger_of_another_chain", {**exported, "chain_id": exported["chain_id"] + 1}
    yield "out_of_range", {**exported, "blocks": told[:-1]}
    changes: dict[str, Document] = {
        "header_forged": {"header": {**block["header"], "gasUsed": "0x1"}},
        "receipts_uneven": {"receipts": []},
        "receipts_forged": {"receipts": [{**one, "status": "0x0"} for one in block["receipts"]]},
        "transactions_forged": {"transactions": ["0x" + "ab" * 9 for _one in block["transactions"]]},
        "block_padded": {"more": 1},
    }
    for code, change in changes.items():
        yield code, {**exported, "blocks": [*told[:full], {**block, **change}, *told[full + 1 :]]}
    bare = {"header": block["header"]}
    yield "receipts_missing", {**exported, "blocks": [*told[:full], bare, *told[full + 1 :]]}


def range_code(exported: Document, document: Document, seats: str) -> str:
    try:
        return code_of(document, BlocksSource(canonical.sealed(exported)), Trusted(seats=seats))
    except NotProven as error:
        return error.code


def test_blocks_that_are_believed_are_said_to_be(story: Story, tmp_path: Path) -> None:
    exported = blocks_of(story, tmp_path)
    exported["blocks"][-1]["header"]["gasUsed"] = "0x1"
    (tmp_path / "blocks.json").write_bytes(canonical.sealed(exported))
    files = (tmp_path / "bundle.json", "--blocks", tmp_path / "blocks.json", "--seats")
    given = (*files, story.stage.seats.address, "--hashes-as-given")
    assert "if you trust: the whole exported file" in verify(*given).stdout
    ending = exported["blocks"][-1]["header"]["hash"]
    with_head = verify(*given, "--head", ending)
    assert (with_head.returncode, "(head_of_believed)" in with_head.stderr) == (2, True)


def test_the_command_tells_the_code_in_both_languages(
    story: Story, document: Document, tmp_path: Path
) -> None:
    ballots = document["ballots"]
    forgery = canonical.sealed({**document, "ballots": [*ballots, ballots[0]]})
    (tmp_path / "forged.json").write_bytes(forgery)
    spoken = {
        language: verify(tmp_path / "forged.json", "--ledger", story.ledger, "--language", language)
        for language in texts.CATALOGUES
    }
    assert {language: said.returncode for language, said in spoken.items()} == {"en": 1, "zh": 1}
    assert "NOT PROVEN (ballot_twice)  a ballot" in spoken["en"].stdout
    assert "未能证明（ballot_twice）" in spoken["zh"].stdout
    assert "已证明  正文 ↔ 提案" in spoken["zh"].stdout
