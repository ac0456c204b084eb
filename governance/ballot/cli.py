"""The ``ballot`` command: show a proposal as the ledger has it, sign a ballot with the member's own key."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from governance.ballot import device, keystore, words
from governance.ballot.console import Console, body, is_text_of
from governance.ballot.ledger import LedgerProposal, LedgerReader
from governance.ballot.proof import prove
from governance.ballot.texts import BallotError, say
from governance.ballot.typed_data import Ballot, Signer, Support, keyed_nonce, recover, sign

FAILED = 2  # exit code
_SUPPORT = {"for": Support.FOR, "against": Support.AGAINST, "abstain": Support.ABSTAIN}
_Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. A failure is one line on standard error."""
    options = _parser().parse_args(arguments)
    command: _Command = options.command
    try:
        command(options)
    except BallotError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, EOFError):
        print(say("interrupted"), file=sys.stderr)
        return FAILED
    return 0


def _address(options: argparse.Namespace) -> None:
    print(_voter(options))


def _prove(options: argparse.Namespace) -> None:
    with _key(options) as key:
        print(prove(options.uscc, key))


def _voter(options: argparse.Namespace) -> str:
    """The key's address, without unlocking it."""
    if options.keystore is not None:
        return keystore.address(options.keystore)
    return device.address(_place(options))


@contextmanager
def _key(options: argparse.Namespace) -> Iterator[Signer]:
    if options.keystore is not None:
        yield keystore.unlock(options.keystore, options.passphrase_file)
        return
    with device.unlocked(_place(options), options.pin_file) as key:
        yield key


def _place(options: argparse.Namespace) -> device.Place:
    if options.pkcs11_module is None:
        raise BallotError("module_needed")
    return device.Place.of(options.pkcs11_module, options.key)


def _show(options: argparse.Namespace) -> None:
    ledger = LedgerReader(options.ledger, options.governor)
    print("\n".join(words.lines(ledger.find(options.proposal), ledger)))


def _cast(options: argparse.Namespace) -> None:
    console = _destination(options)
    voter = _voter(options)
    ledger = LedgerReader(options.ledger, options.governor)
    proposal = ledger.find(options.proposal)
    _check_before_signing(ledger, proposal, voter)
    if console is not None:
        _show_text(console, proposal)
    print("\n".join(words.lines(proposal, ledger)))
    ballot = Ballot(
        chain_id=ledger.chain_id,
        governor=ledger.address,
        proposal_id=proposal.id,
        support=_SUPPORT[options.vote],
        voter=voter,
        nonce=keyed_nonce(proposal.id),
    )
    print(say("vote_line", support=say(options.vote), voter=voter))
    _confirm(options)
    with _key(options) as key:
        signature = sign(ballot, key)
    if recover(ballot, signature) != voter:
        raise BallotError("key_other", voter=voter)
    _deliver(ballot, signature, console, options.out)


def _destination(options: argparse.Namespace) -> Console | None:
    if options.out is not None:
        return None
    if not options.console or options.token_file is None:
        raise BallotError("console_needed")
    return Console(options.console, options.token_file)


def _check_before_signing(ledger: LedgerReader, proposal: LedgerProposal, voter: str) -> None:
    if ledger.now() > ledger.seconds(proposal.vote_end):
        raise BallotError("voting_over", end=words.moment(ledger.seconds(proposal.vote_end)))
    if ledger.standing(proposal).is_decided:
        raise BallotError("voting_decided")
    if not ledger.has_vote(proposal, voter):
        raise BallotError("no_vote", voter=voter)
    if ledger.has_voted(proposal, voter):
        raise BallotError("has_voted", voter=voter)


def _show_text(console: Console, proposal: LedgerProposal) -> None:
    text = console.text_of(proposal.id)
    if text is None:
        print(say("text_missing"))
        return
    if not is_text_of(text, proposal.description):
        raise BallotError("text_wrong")
    print(say("text_checked"))
    print("\n".join(f"  {words.printable(line)}" for line in text.splitlines()))


def _confirm(options: argparse.Namespace) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise BallotError("confirm_needed")
    if input(say("confirm", support=say(options.vote))).strip().lower() != "yes":
        raise BallotError("not_confirmed")


def _deliver(ballot: Ballot, signature: str, console: Console | None, out: Path | None) -> None:
    if console is not None:
        console.hand_in(ballot, signature)
        print(say("console_done"))
    elif out is not None:
        try:
            out.write_text(json.dumps(body(ballot, signature), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise BallotError("out_failed", path=out, reason=error.strerror or error) from error
        print(say("out_done", path=out))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m governance.ballot", description=say("help"))
    commands = parser.add_subparsers(required=True, metavar="{address,prove,show,cast}")
    for name, command, arguments in (
        ("address", _address, (_key_arguments,)),
        ("prove", _prove, (_key_arguments, _secret_arguments, _uscc_argument)),
        ("show", _show, (_ledger_arguments,)),
        ("cast", _cast, (_ledger_arguments, _key_arguments, _secret_arguments, _cast_arguments)),
    ):
        sub = commands.add_parser(name, help=say(f"help_{name}"), description=say(f"help_{name}"))
        sub.set_defaults(command=command)
        for add in arguments:
            add(sub)
    return parser


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--keystore", type=Path, help=say("help_keystore"))
    one.add_argument("--key", metavar="pkcs11:TOKEN/LABEL", help=say("help_key"))
    parser.add_argument("--pkcs11-module", type=Path, metavar="LIBRARY", help=say("help_module"))


def _secret_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--passphrase-file", type=Path, help=say("help_passphrase"))
    parser.add_argument("--pin-file", type=Path, help=say("help_pin"))


def _uscc_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--uscc", required=True, help=say("help_uscc"))


def _ledger_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ledger", required=True, metavar="URL", help=say("help_ledger"))
    parser.add_argument("--governor", required=True, metavar="ADDRESS", help=say("help_governor"))
    parser.add_argument("--proposal", required=True, help=say("help_proposal"))


def _cast_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vote", choices=sorted(_SUPPORT), required=True, help=say("help_vote"))
    parser.add_argument("--console", metavar="URL", help=say("help_console"))
    parser.add_argument("--token-file", type=Path, help=say("help_token"))
    parser.add_argument("--out", type=Path, help=say("help_out"))
    parser.add_argument("--yes", action="store_true", help=say("help_yes"))
