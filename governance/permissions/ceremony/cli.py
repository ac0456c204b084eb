"""The officers' command line. Secrets come from a file or a prompt, never from here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from certs.keystores import words
from certs.keystores.errors import KeyStoreError
from governance.permissions.ceremony import officers, roots
from governance.permissions.ceremony.errors import Refused


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (Refused, KeyStoreError, ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m governance.permissions.ceremony",
        description="An officer's part in the root of the permission lists, on the officer's own machine.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    key = commands.add_parser("key", help="make your key; hand officer.json to the console, keep officer.key")
    key.add_argument("--officer", required=True, help="your name, as the others will read it")
    key.add_argument("--home", type=Path, required=True, help="folder for officer.key and officer.json")
    key.add_argument("--passphrase-file", type=Path, help="its first line; asked for when left out")
    key.set_defaults(run=_key)
    show = commands.add_parser("show", help="say in words what a root changes, and who has signed")
    sign = commands.add_parser("sign", help="the same, then add your signature to the file")
    for command, run in ((show, _show), (sign, _sign)):
        command.add_argument("root", type=Path, help="the next root, as begun by the console")
        command.add_argument("--former", type=Path, help="the root in force; left out for the first one")
        command.set_defaults(run=run)
    sign.add_argument("--key", type=Path, required=True, help="your officer.key")
    sign.add_argument("--passphrase-file", type=Path, help="its first line; asked for when left out")
    sign.add_argument("--yes", action="store_true", help="the keys were compared before")
    return parser


def _key(options: argparse.Namespace) -> None:
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = words.obtain(options.passphrase_file, "Passphrase of your new key", twice=True)
    public = officers.make(options.home, options.officer, secret)
    print(f"{public}: {roots.described(officers.read(public))}")


def _show(options: argparse.Namespace) -> None:
    former = roots.read(options.former).signed if options.former else None
    made = roots.read(options.root)
    roots.follows(former, made.signed)
    print("\n".join(roots.changes(former, made.signed)))
    print(f"signatures so far: {len(made.signatures)}")


def _sign(options: argparse.Namespace) -> None:
    _show(options)
    if not options.yes and input("Are these the keys that were agreed? Type yes: ").strip().lower() != "yes":
        raise Refused("not confirmed; nothing was signed")
    former = roots.read(options.former).signed if options.former else None
    made = roots.read(options.root)
    secret = words.obtain(options.passphrase_file, f"Passphrase of {options.key.name}")
    roots.sign(former, made, officers.open_key(options.key, secret))
    roots.write(options.root, made)
    print(f"signed: {options.root} has {len(made.signatures)} signatures")
