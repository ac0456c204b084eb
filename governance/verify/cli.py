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
from governance.verify.texts import CATALOGUES, choose, language, say

PROVEN, NOT_PROVEN, CAN_NOT = 0, 1, 2  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a bundle and say what is proven by what. Returns the exit code."""
    choose(_wanted(arguments))
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except NotProven as error:
        print(say("not_proven", code=error.code, reason=error))
        return NOT_PROVEN
    except CannotCheck as error:
        print(say("cannot_check", code=error.code, reason=error), file=sys.stderr)
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
        print(say("proven", what=finding.what, by=finding.by))
    governor, chain_id = bundle.governor, bundle.chain_id
    print("\n" + say("all_holds", trusted=source.trusted, governor=governor, chain_id=chain_id))
    if options.export and isinstance(source, LedgerSource):
        _export(options.export, story, source, as_given=options.hashes_as_given)


def _source(options: argparse.Namespace, bundle: Bundle, opened: contextlib.ExitStack) -> Source:
    if options.blocks:
        return BlocksSource.from_file(options.blocks, head=options.head, as_given=options.hashes_as_given)
    first = min((log["block"] for log in bundle.logs), default=0)
    return opened.enter_context(LedgerSource(options.ledger, first, width=options.width))


def _export(path: Path, story: Story, source: LedgerSource, *, as_given: bool) -> None:
    scope = story.scope
    if scope is None:
        raise CannotCheck("nothing_to_export")
    last = max([log["block"] for log in story.bundle.logs] + [_list_block(story)])
    addresses = {scope.governor, scope.seats, *scope.executors}
    content = source.export(addresses, last, as_given=as_given)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotCheck("file_unreadable", path=path, reason=error.strerror) from error
    print(say("exported", first=source.first, last=last, path=path))


def _list_block(story: Story) -> int:
    return max((json.loads(one.permissions)["block"] for one in story.bundle.lists), default=0)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotCheck("file_unreadable", path=path, reason=error.strerror) from error


def _wanted(arguments: Sequence[str] | None) -> str | None:
    """``--language``, known before the rest is read: the help is spoken in it, too."""
    first = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    first.add_argument("--language", choices=sorted(CATALOGUES))
    try:
        found: str | None = first.parse_known_args(arguments)[0].language
    except argparse.ArgumentError:
        return None  # the parser proper says so
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m governance.verify", description=say("about"))
    parser.add_argument("bundle", type=Path, help=say("help_bundle"))
    against = parser.add_mutually_exclusive_group(required=True)
    against.add_argument("--ledger", metavar="URL", help=say("help_ledger"))
    against.add_argument("--blocks", type=Path, help=say("help_blocks"))
    parser.add_argument("--head", help=say("help_head"))
    parser.add_argument("--hashes-as-given", action="store_true", help=say("help_as_given"))
    parser.add_argument("--root", type=Path, help=say("help_root"))
    parser.add_argument("--export", type=Path, help=say("help_export"))
    parser.add_argument("--width", type=int, default=1000, help=say("help_width"))
    parser.add_argument(
        "--language", choices=sorted(CATALOGUES), default=language(), help=say("help_language")
    )
    return parser
