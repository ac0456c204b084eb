"""What the commands about authorities have in common on their command lines."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError, CommandParser

from certs import keys
from certs.authorities.plans import ISSUING, KeyPlan, Purpose
from certs.errors import KeysNotAvailable
from certs.keystores.errors import KeyStoreError


class _KeyPlans(argparse.Action):
    """``--key nodes=RSA-4096``, ``--key root=P-384@pkcs11:alliance/root``; collected by purpose."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        purpose, _, plan = str(values).partition("=")
        if purpose not in (self.choices_of or ()):
            raise argparse.ArgumentError(self, f"{purpose!r} is none of {', '.join(self.choices_of)}")
        try:
            made = KeyPlan.parse(plan)
        except (KeyStoreError, ValueError) as error:
            raise argparse.ArgumentError(self, str(error)) from error
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), purpose: made})

    choices_of: tuple[str, ...] = ()


def key_plans(parser: CommandParser, *more: Purpose) -> None:
    """Add ``--key``; without it a root is P-384, an issuing CA P-256, sealed in files."""
    purposes = tuple(purpose.value for purpose in (*more, *ISSUING))
    action = type("KeyPlans", (_KeyPlans,), {"choices_of": purposes})
    parser.add_argument(
        "--key",
        action=action,
        default=None,
        metavar="PURPOSE=KIND[@pkcs11:TOKEN/LABEL]",
        help=f"kind of a key (P-256, P-384, RSA-4096) and its place; purposes: {', '.join(purposes)}",
    )


def passphrase(path: str) -> bytes:
    """The first line of the file. Raises CommandError."""
    try:
        return keys.read_passphrase(path)
    except KeysNotAvailable as error:
        raise CommandError(f"{path}: no such file, or no passphrase in its first line") from error
