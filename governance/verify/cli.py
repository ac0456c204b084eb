"""``python -m governance.verify bundle.json --ledger URL``, or ``--blocks exported.json``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from eth_utils.address import is_address, to_checksum_address

from governance.verify import checks
from governance.verify.document import Bundle
from governance.verify.errors import CannotCheck, NotProven
from governance.verify.sources import BlocksSource, LedgerSource, Source
from governance.verify.story import Story, Trusted
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
    story = Story(bundle, source, root, _trusted(options))
    for finding in checks.check(story):
        if finding.code:
            print(say("reported", code=finding.code, what=finding.what, by=finding.by))
        else:
            print(say("proven", what=finding.what, by=finding.by))
    print("\n" + "\n        ".join(_summary(story)))
    if options.export and isinstance(source, LedgerSource):
        _export(options.export, story, source, as_given=options.hashes_as_given)


def _trusted(options: argparse.Namespace) -> Trusted:
    return Trusted(options.governor, options.seats, options.timelock, options.since)


def _summary(story: Story) -> Iterator[str]:
    """What has to be trusted for all of it to hold."""
    bundle, source, trusted = story.bundle, story.source, story.trusted
    if story.uncovered:
        yield say("holds_uncovered", count=len(story.uncovered))
    yield say("all_holds", trusted=source.trusted)
    key = "trusted_governor" if trusted.governor is None else "named_governor"
    yield say(key, governor=bundle.governor, chain_id=bundle.chain_id)
    if trusted.seats is not None:
        yield say("named_seats", seats=trusted.seats)
    if trusted.timelock is not None:
        yield say("named_timelock", timelock=trusted.timelock)
    if trusted.since is not None:
        yield say("named_since", since=trusted.since)
    elif isinstance(source, BlocksSource) and source.first > 0:
        yield say("trusted_since", first=source.first)


def _source(options: argparse.Namespace, bundle: Bundle, opened: contextlib.ExitStack) -> Source:
    if options.blocks:
        return BlocksSource.from_file(options.blocks, head=options.head, as_given=options.hashes_as_given)
    blocks = [log["block"] for log in bundle.logs]
    first = min(blocks, default=0)
    first = first if options.since is None else min(first, options.since)
    known = max(blocks, default=None)
    return opened.enter_context(LedgerSource(options.ledger, first, width=options.width, known=known))


def _export(path: Path, story: Story, source: LedgerSource, *, as_given: bool) -> None:
    scope = story.scope
    last = max([log["block"] for log in story.bundle.logs] + [_list_block(story)])
    content = source.export(scope.addresses, last, as_given=as_given)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotCheck("file_unreadable", path=path, reason=error.strerror) from error
    seats = to_checksum_address(scope.seats)
    print(say("exported", first=source.first, last=last, path=path, seats=seats))


def _list_block(story: Story) -> int:
    return max((json.loads(one.permissions)["block"] for one in story.bundle.lists), default=0)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotCheck("file_unreadable", path=path, reason=error.strerror) from error


def _address(text: str) -> str:
    if not is_address(text):
        raise argparse.ArgumentTypeError(say("no_address", text=text))
    return to_checksum_address(text)


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
    for name in ("governor", "seats", "timelock"):
        parser.add_argument(f"--{name}", type=_address, metavar="ADDRESS", help=say(f"help_{name}"))
    parser.add_argument("--since", type=int, metavar="BLOCK", help=say("help_since"))
    parser.add_argument("--head", help=say("help_head"))
    parser.add_argument("--hashes-as-given", action="store_true", help=say("help_as_given"))
    parser.add_argument("--root", type=Path, help=say("help_root"))
    parser.add_argument("--export", type=Path, help=say("help_export"))
    parser.add_argument("--width", type=int, default=1000, help=say("help_width"))
    parser.add_argument(
        "--language", choices=sorted(CATALOGUES), default=language(), help=say("help_language")
    )
    return parser
