"""A decision is checked from its bundle and a ledger alone; a changed byte anywhere is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consortium.stack.plan import PROJECT
from governance.verify import canonical, checks
from governance.verify.document import Bundle
from governance.verify.errors import NotProven
from governance.verify.sources import BlocksSource, LedgerSource
from governance.verify.story import Story as Checked
from governance.verify.story import Trusted
from tests.verify.conftest import Story

Path_ = tuple[Any, ...]


def verify(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as an auditor runs it: no database, no settings."""
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "-m", "governance.verify", *map(str, arguments)],
        cwd=PROJECT, env=clean, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every number and text of a document, and where it is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def altered(value: Any) -> Any:
    """The least change: a number one more, a text's last but one character another."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    place = max(0, len(value) - 2)
    other = "1" if value[place : place + 1] != "1" else "2"
    return value[:place] + other + value[place + 1 :]


def with_leaf(document: dict[str, Any], path: Path_, value: Any) -> bytes:
    """The document with one leaf changed, and sealed again as a forger would."""
    changed = json.loads(json.dumps(document))
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return canonical.sealed(changed)


def exported(story: Story, tmp_path: Path) -> Path:
    file, blocks = tmp_path / "bundle.json", tmp_path / "blocks.json"
    file.write_bytes(story.bundle)
    said = verify(file, "--ledger", story.ledger, "--export", blocks)
    assert said.returncode == 0, said.stdout + said.stderr
    return blocks


def test_the_whole_story_is_proven_by_a_ledger_and_by_its_exported_blocks(
    story: Story, tmp_path: Path
) -> None:
    blocks = exported(story, tmp_path)
    online = verify(tmp_path / "bundle.json", "--ledger", story.ledger, "--root", story.root)
    assert online.returncode == 0, online.stdout + online.stderr
    seats = ("--seats", story.stage.seats.address)
    offline = verify(tmp_path / "bundle.json", "--blocks", blocks, "--root", story.root, *seats)
    assert offline.returncode == 0, offline.stdout + offline.stderr
    for words in (
        "text ↔ description", "5 seats with a vote", "signed ballots", "tally ↔ rule", "passes",
        "execution ↔ the 1 calls", "setRole ↔ NodeRoleChanged", "from this transaction", "acknowledgements",
        "trusted as you gave it",
    ):  # fmt: skip
        assert words in online.stdout, words
        assert words in offline.stdout, words
    assert "nodes don't sign" in online.stdout


def test_the_console_is_not_needed(story: Story, tmp_path: Path) -> None:
    """Nothing of Django or the console is even loaded."""
    program = (
        "import sys, governance.verify.cli;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in {'django', 'consortium', 'certs'}"
        " or m.startswith(('governance.chain', 'governance.proposals', 'governance.permissions'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_each_changed_leaf_of_the_bundle_is_noticed(story: Story, tmp_path: Path) -> None:
    """Though the forger seals the file again: something on the ledger or a signature says otherwise."""
    source = BlocksSource(exported(story, tmp_path).read_bytes())
    document = json.loads(story.bundle)
    root, trusted = story.root.read_bytes(), Trusted(seats=story.stage.seats.address)
    assert list(checks.check(Checked(Bundle.read(story.bundle), source, root, trusted)))
    unnoticed = [
        path
        for path, value in leaves(document)
        if path != ("sha256",) and holds(with_leaf(document, path, altered(value)), source, root, trusted)
    ]
    assert unnoticed == []


def test_a_changed_byte_anywhere_in_the_files_is_noticed(story: Story, tmp_path: Path) -> None:
    """By the files' own hashes, before anything else is asked."""
    blocks = exported(story, tmp_path).read_bytes()
    for content, read in ((story.bundle, Bundle.read), (blocks, BlocksSource)):
        for place in range(0, len(content), max(1, len(content) // 400)):
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            with pytest.raises(NotProven):
                read(changed)


def test_each_changed_leaf_of_the_blocks_is_noticed(story: Story, tmp_path: Path) -> None:
    document = json.loads(exported(story, tmp_path).read_bytes())
    bundle, trusted = Bundle.read(story.bundle), Trusted(seats=story.stage.seats.address)
    last = document["blocks"][-1]["header"]["hash"]
    unnoticed = []
    for number, (path, value) in enumerate(leaves(document)):
        if path == ("sha256",) or ("receipts" not in path and number % 3):
            continue
        try:
            source = BlocksSource(with_leaf(document, path, altered(value)), head=last)
            list(checks.check(Checked(bundle, source, None, trusted)))
        except NotProven:
            continue
        unnoticed.append(path)
    assert unnoticed == []


def test_what_was_left_out_or_put_in_is_noticed(story: Story) -> None:
    document = json.loads(story.bundle)
    with LedgerSource(story.ledger, 0) as source:
        unnoticed = [what for what, forged in missing_or_doubled(document) if holds(forged, source)]
    assert unnoticed == []


def missing_or_doubled(document: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Bundles that lack an entry, or have it twice; sealed again."""
    for part in ("logs", "ballots", "acknowledgements"):
        for index, one in enumerate(document[part]):
            shorter = document[part][:index] + document[part][index + 1 :]
            doubled = [*document[part], one]
            if part == "logs":  # that somebody said nothing can't be proven; of ballots see test_soundness
                yield f"without {part} {index}", canonical.sealed({**document, part: shorter})
            yield f"{part} {index} twice", canonical.sealed({**document, part: doubled})


def holds(bundle: bytes, source: Any, root: bytes | None = None, trusted: Trusted | None = None) -> bool:
    try:
        list(checks.check(Checked(Bundle.read(bundle), source, root, trusted or Trusted())))
    except NotProven:
        return False
    return True


def test_another_root_is_not_trusted(story: Story, tmp_path: Path) -> None:
    root = json.loads(story.root.read_bytes())
    root["signed"]["version"] = 7
    (tmp_path / "other.json").write_text(json.dumps(root))
    (tmp_path / "bundle.json").write_bytes(story.bundle)
    said = verify(tmp_path / "bundle.json", "--ledger", story.ledger, "--root", tmp_path / "other.json")
    assert (said.returncode, said.stdout.splitlines()[-1][:10]) == (1, "NOT PROVEN")


def test_a_range_of_another_chain_is_not_taken_for_this_one(story: Story, tmp_path: Path) -> None:
    blocks = exported(story, tmp_path)
    said = verify(tmp_path / "bundle.json", "--blocks", blocks, "--head", "0x" + "ab" * 32)
    assert said.returncode == 1
    assert "not in 0xabab" in said.stdout


def test_a_file_or_a_ledger_that_is_not_there_is_said_so(story: Story, tmp_path: Path) -> None:
    assert verify(tmp_path / "no.json", "--ledger", story.ledger).returncode == 2
    (tmp_path / "bundle.json").write_bytes(story.bundle)
    away = verify(tmp_path / "bundle.json", "--ledger", "http://127.0.0.1:9")
    assert (away.returncode, "does not answer" in away.stderr) == (2, True)


def test_a_proposal_that_is_still_voted_on_has_a_story_too(story: Story, tmp_path: Path) -> None:
    from governance.bundles import bundle_of

    stage = story.stage
    vote = stage.voting("admit_institution")
    stage.cast(stage.banks[1], vote, 0)
    stage.work()
    (tmp_path / "open.json").write_bytes(bundle_of(vote))
    said = verify(tmp_path / "open.json", "--ledger", story.ledger)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "0 for, 1 against" in said.stdout
    assert "does not pass" in said.stdout
    assert "the proposal was not executed" in said.stdout
