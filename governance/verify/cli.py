"""``python -m governance.verify bundle.json --ledger URL``, or ``--blocks exported.json``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from governance.verify import checks
from governance.verify.checks import Story
from governance.verify.document import Bundle
from governance.verify.errors import CannotCheck, NotProven
from governance.verify.sources import BlocksSource, LedgerSource, Source

PROVEN, NOT_PROVEN, CAN_NOT = 0, 1, 2  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a bundle and say what is proven by what. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except NotProven as error:
        print(f"NOT PROVEN  {error}")
        return NOT_PROVEN
    except CannotCheck as error:
        print(f"cannot check: {error}", file=sys.stderr)
        return CAN_NOT
    return PROVEN


def _run(options: argparse.Namespace) -> None:
    bundle = Bundle.read(_content(options.bundle))
    with contextlib.ExitStack() as opened:
        _check(options, bundle, _source(options, bundle, opened))


def _check(options: argparse.Namespace, bundle: Bundle, source: Source) -> None:
    root = _content(options.root) if options.root else None
    story = Story(bundle, source, root)
    for finding in checks.check(story):
        print(f"proven  {finding.what}\n        by {finding.by}")
    print(f"\nAll of it holds, if you trust: {source.trusted}")
    print(f"        and that {bundle.governor} on chain {bundle.chain_id} is your alliance's governor")
    if options.export and isinstance(source, LedgerSource):
        _export(options.export, story, source)


def _source(options: argparse.Namespace, bundle: Bundle, opened: contextlib.ExitStack) -> Source:
    if options.blocks:
        return BlocksSource.from_file(options.blocks, head=options.head, as_given=options.hashes_as_given)
    first = min((log["block"] for log in bundle.logs), default=0)
    return opened.enter_context(LedgerSource(options.ledger, first, width=options.width))


def _export(path: Path, story: Story, source: LedgerSource) -> None:
    scope = story.scope
    if scope is None:
        raise CannotCheck("nothing to export")
    last = max([log["block"] for log in story.bundle.logs] + [_list_block(story)])
    addresses = {scope.governor, scope.seats, *scope.executors}
    path.write_bytes(source.export(addresses, last))
    print(f"blocks {source.first} to {last} are in {path}; check offline with --blocks {path}")


def _list_block(story: Story) -> int:
    return max((json.loads(one.permissions)["block"] for one in story.bundle.lists), default=0)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m governance.verify", description=checks.__doc__)
    parser.add_argument("bundle", type=Path, help="the file that the console exported")
    against = parser.add_mutually_exclusive_group(required=True)
    against.add_argument("--ledger", metavar="URL", help="a ledger's JSON-RPC that you trust")
    against.add_argument("--blocks", type=Path, help="an exported range of its blocks; needs no network")
    parser.add_argument("--head", help="with --blocks: the last block's hash, as you know it")
    parser.add_argument(
        "--hashes-as-given",
        action="store_true",
        help="with --blocks: for ledgers that hash headers otherwise (IBFT, QBFT, FISCO BCOS)",
    )
    parser.add_argument("--root", type=Path, help="root.json of the lists, as your nodes were set up with it")
    parser.add_argument("--export", type=Path, help="with --ledger: write the blocks for a check offline")
    parser.add_argument("--width", type=int, default=1000, help="blocks asked for at once (FISCO BCOS: 10)")
    return parser
