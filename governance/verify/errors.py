"""What ends a check."""

from __future__ import annotations


class NotProven(Exception):
    """Something is not what the ledger, a hash or a signature says. The message is for people."""


class CannotCheck(Exception):
    """The check itself could not be made: a file can't be read, the ledger does not answer."""
