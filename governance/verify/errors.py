"""What ends a check."""

from __future__ import annotations

from governance.verify.texts import say


class _Ended(Exception):
    """``code`` is for programs and stays what it is; the message is for people, in their language."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(say(code, **values))
        self.code = code


class NotProven(_Ended):
    """Something is not what the ledger, a hash or a signature says."""


class CannotCheck(_Ended):
    """The check itself could not be made: a file can't be read, the ledger does not answer."""
