"""Refusals of this app, and the sentences behind the codes of ``rules``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError, InvalidInput
from consortium.members import rules

if TYPE_CHECKING:
    from consortium.members.roster import Preview

T = TypeVar("T")

SENTENCES: dict[str, Promise] = {
    "required": _("This must not be empty."),
    "too_long": _("At most %(maximum)s characters."),
    "hidden_character": _("It holds %(character)s, a character that can't be seen."),
    "formula": _("It starts with “%(start)s”: a spreadsheet would run it as a formula."),
    "slug": _("Lower-case letters, digits and single hyphens only."),
    "not_ascii": _("Plain letters and digits only (A–Z, 0–9)."),
    "uscc_format": _("A USCC has 18 characters: 8 digits, then digits and capitals without I, O, S, V, Z."),
    "uscc_check_digit": _("The last character of the USCC does not fit the others."),
    "lei_format": _("An LEI has 20 characters: 18 letters or digits, then 2 digits."),
    "lei_check_digits": _("The last two digits of the LEI do not fit the others."),
    "unknown_category": _("There is no industry category “%(value)s”. Known: %(known)s."),
    "date": _("Not a date. Write it as YYYY-MM-DD."),
    "date_out_of_range": _("The date must lie between %(first)s and %(last)s."),
    "email": _("Not an e-mail address."),
    "phone": _("Not a telephone number."),
    "yes_or_no": _("Write yes or no."),
    "username": _("Lower-case letters, digits and . _ @ - only."),
    "version": _("A version has at most 20 letters, digits and . + _ -"),
    "address_format": _("A voting address is 0x and 40 hexadecimal digits."),
    "address_checksum": _("The capitals of the address do not fit: a digit may be wrong."),
    "address_zero": _("Nobody holds the key of the zero address."),
    "node_id_format": _("A node id is 128 hexadecimal digits."),
    "node_id_off_curve": _("Not a secp256k1 public key: no node can have this id."),
    "ip_address": _("Not an IP address."),
    "ip_loopback": _("A loopback address: other members could not reach it."),
    "ip_unreachable": _("Not the address of a machine that other members could reach."),
    "port": _("A port is a number from 1 to 65535."),
    "address_and_port": _("Not an address with its port, as in 10.0.0.1:30303 or [fd00::1]:30303."),
    "address_twice": _("The same address and port twice."),
    "too_many": _("At most %(maximum)s."),
    "push_url": _("An https address without password, query or fragment."),
    "unknown_choice": _("Not one of: %(known)s."),
    "taken": _("Another entry has it already."),
    "repeated": _("It appears in several rows: %(rows)s."),
    "differs": _("The record says “%(recorded)s”, which an import can't change."),
    "number_cell": _("The cell holds a number, which drops digits. Store it as text."),
    "error_cell": _("The cell holds an error of the spreadsheet."),
    "too_many_cells": _("The row has more cells than the header."),
    "institution_needed": _("An officer's account belongs to an institution."),
    "institution_not_wanted": _("Accounts of the secretariat and the regulator belong to no institution."),
    "password": _("%(problems)s"),
}


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """The words for a code of ``rules``, in the reader's language."""
    text = str(SENTENCES[code])
    return text % params if params else text


def checked(field: str, rule: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Apply a rule to a field of a form or request: raises :class:`InvalidInput` with the field's name."""
    try:
        return rule(*args, **kwargs)
    except rules.Refused as refused:
        raise invalid(field, refused.code, **refused.params) from None


def invalid(field: str, code: str, **params: Any) -> InvalidInput:
    """The error for a field; ``rule`` is the stable code of what is wrong with it."""
    return InvalidInput(field=field, reason=sentence(code, params), rule=code)


class Taken(ConsoleError):
    """``field``'s value belongs to another entry."""

    code = "taken"
    status = 409
    message = _("%(field)s: another entry has it already.")


class VotingAddressFixed(ConsoleError):
    """The institution has, or had, a seat: from then on its address changes by vote."""

    code = "voting_address_fixed"
    status = 409
    message = _("%(institution)s has a seat on the ledger: its voting address changes by vote only.")


class WrongProof(ConsoleError):
    """The signature over the statement is not by the address."""

    code = "wrong_proof"
    status = 400
    message = _("The proof was not signed by %(address)s for this institution.")


class NotAMember(ConsoleError):
    """The institution's status does not allow it to run nodes."""

    code = "not_a_member"
    status = 409
    message = _("%(institution)s is “%(current)s”: only admitted and active members register nodes.")


class NodeRetired(ConsoleError):
    code = "node_retired"
    status = 409
    message = _("%(node)s is retired.")


class AccountDeactivated(ConsoleError):
    code = "account_deactivated"
    status = 409
    message = _("%(account)s is deactivated already.")


class LastSecretariatAccount(ConsoleError):
    """Nobody could run the console, or make accounts, afterwards."""

    code = "last_secretariat_account"
    status = 409
    message = _("%(account)s is the last account of the secretariat.")


class RosterUnreadable(ConsoleError):
    """The file as a whole can't be read; ``rule`` says why."""

    code = "roster_unreadable"
    status = 400
    message = _("%(filename)s: %(reason)s")
    REASONS: ClassVar[dict[str, Promise]] = {
        "empty": _("The file is empty."),
        "no_rows": _("There is no row below the header."),
        "old_excel": _("An old or encrypted Excel file. Save it as .xlsx without a password, or as CSV."),
        "encoding": _("Neither UTF-8 nor GB18030. Save it as CSV UTF-8 or as .xlsx."),
        "csv": _("Not a well-formed CSV file near line %(line)s."),
        "xlsx": _("Not a well-formed Excel file."),
        "xlsx_too_large": _("The Excel file unpacks to more than it may."),
    }

    def __init__(self, filename: str, rule: str, **params: Any) -> None:
        text = str(self.REASONS[rule])
        super().__init__(filename=filename, rule=rule, reason=text % params if params else text)


class RosterTooLarge(ConsoleError):
    code = "roster_too_large"
    status = 413
    message = _("%(filename)s has more than %(maximum)s bytes.")


class RosterTooLong(ConsoleError):
    code = "roster_too_long"
    status = 413
    message = _("%(filename)s has more than %(maximum)s rows.")


class RosterHeader(ConsoleError):
    """The header names other columns than a roster's."""

    code = "roster_header"
    status = 400
    message = _(
        "%(filename)s: missing columns: %(missing)s; unknown: %(unknown)s; more than once: %(repeated)s."
    )


class RosterHasErrors(ConsoleError):
    """Nothing was imported: ``count`` rows are bad and were not to be skipped. ``preview`` has them."""

    code = "roster_has_errors"
    status = 422
    message = _("Nothing was imported: %(count)s rows have errors.")
    preview: Preview
