"""The ``guardian`` command: show the matter as the ledger has it, sign with the guardian's own key."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from governance.ballot import device, keystore
from governance.ballot import texts as ballot_texts
from governance.ballot.ledger import LedgerReader
from governance.ballot.texts import BallotError
from governance.guardian.confirmation import Confirmation, body, recover, signable
from governance.guardian.matters import Matters, Order
from governance.guardian.texts import GuardianError, say

FAILED = 2  # exit code
_Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. A failure is one line on standard error."""
    options = _parser().parse_args(arguments)
    command: _Command = options.command
    try:
        command(options)
    except (GuardianError, BallotError) as error:
        print(error, file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, EOFError):
        print(ballot_texts.say("interrupted"), file=sys.stderr)
        return FAILED
    return 0


def _address(options: argparse.Namespace) -> None:
    print(_guardian(options))


def _freeze(options: argparse.Namespace) -> None:
    matters = Matters(LedgerReader(options.ledger, options.governor))
    _sign(options, *matters.freeze(options.network, options.node.lower().removeprefix("0x"), _order(options)))


def _cancel(options: argparse.Namespace) -> None:
    matters = Matters(LedgerReader(options.ledger, options.governor))
    _sign(options, *matters.cancel(options.proposal, _order(options)))


def _order(options: argparse.Namespace) -> Order:
    try:
        reason = options.reason.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GuardianError("reason_missing", path=options.reason) from error
    if not reason:
        raise GuardianError("reason_missing", path=options.reason)
    return Order(_guardian(options), reason, options.hours)


def _sign(options: argparse.Namespace, confirmation: Confirmation, shown: list[str]) -> None:
    print("\n".join(shown))
    _confirm(options)
    signature = _signature(options, confirmation)
    if recover(confirmation, signature) != confirmation.guardian:
        raise BallotError("key_other", voter=confirmation.guardian)
    try:
        content = json.dumps(body(confirmation, signature), indent=2, ensure_ascii=False)
        options.out.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        raise BallotError("out_failed", path=options.out, reason=error.strerror or error) from error


def _confirm(options: argparse.Namespace) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise BallotError("confirm_needed")
    if input(say("confirm")).strip().lower() != "yes":
        raise BallotError("not_confirmed")


def _guardian(options: argparse.Namespace) -> str:
    """The key's address, without unlocking it."""
    if options.keystore is not None:
        return keystore.address(options.keystore)
    return device.address(_place(options))


def _signature(options: argparse.Namespace, confirmation: Confirmation) -> str:
    message = signable(confirmation)
    if options.keystore is not None:
        key = keystore.unlock(options.keystore, options.passphrase_file)
        return "0x" + bytes(key.sign_message(message).signature).hex()
    with device.unlocked(_place(options), options.pin_file) as held:
        return "0x" + bytes(held.sign_message(message).signature).hex()


def _place(options: argparse.Namespace) -> device.Place:
    if options.pkcs11_module is None:
        raise BallotError("module_needed")
    return device.Place.of(options.pkcs11_module, options.key)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m governance.guardian", description=say("help"))
    commands = parser.add_subparsers(required=True, metavar="{address,freeze,cancel}")
    for name, command in (("address", _address), ("freeze", _freeze), ("cancel", _cancel)):
        sub = commands.add_parser(name, help=say(f"help_{name}"), description=say(f"help_{name}"))
        sub.set_defaults(command=command)
        _key_arguments(sub)
        if command is not _address:
            _signing_arguments(sub)
        if command is _freeze:
            sub.add_argument("--network", required=True, help=say("help_network"))
            sub.add_argument("--node", required=True, help=say("help_node"))
        if command is _cancel:
            sub.add_argument("--proposal", required=True, help=ballot_texts.say("help_proposal"))
    return parser


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--keystore", type=Path, help=ballot_texts.say("help_keystore"))
    one.add_argument("--key", metavar="pkcs11:TOKEN/LABEL", help=ballot_texts.say("help_key"))
    parser.add_argument("--pkcs11-module", type=Path, metavar="LIBRARY", help=ballot_texts.say("help_module"))


def _signing_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ledger", required=True, metavar="URL", help=ballot_texts.say("help_ledger"))
    parser.add_argument(
        "--governor", required=True, metavar="ADDRESS", help=ballot_texts.say("help_governor")
    )
    parser.add_argument("--reason", type=Path, required=True, metavar="FILE", help=say("help_reason"))
    parser.add_argument(
        "--hours", type=int, default=24, choices=range(1, 73), metavar="N", help=say("help_hours")
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=say("help_out"))
    parser.add_argument("--passphrase-file", type=Path, help=ballot_texts.say("help_passphrase"))
    parser.add_argument("--pin-file", type=Path, help=ballot_texts.say("help_pin"))
    parser.add_argument("--yes", action="store_true", help=ballot_texts.say("help_yes"))
