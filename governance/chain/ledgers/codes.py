"""What a precompile's return code means: the receipt of a vote that applied nothing says "success"."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_WORDS: dict[int, str | Promise] = {
    -50000: _("The committee's contract was not allowed to do it."),
    -51002: _("The chain has no list for the right to deploy yet: decide on one first."),
    -51003: _("The chain knows no such kind of list for the right to deploy."),
    -51100: _("The node's id is invalid."),
    -51101: _("It is the last sealer, and a chain needs one."),
    -51102: _("The weight is invalid."),
    -51103: _("The chain has no such node."),
    -51104: _("A node must be an observer before it becomes a sealer."),
    -51300: _("The configuration value is invalid."),
    -52008: _("The chain has no such account."),
    -52009: _("The account's address is invalid."),
    -52010: _("The account is available already."),
    -52011: _("The account is frozen."),
    -52012: _("It is so already."),
}


def words(code: int) -> str:
    """The reason behind a code below zero; for one that is not documented, the code itself."""
    known = _WORDS.get(code)
    return str(known) if known is not None else _("The ledger gave the reason %(code)s.") % {"code": code}
