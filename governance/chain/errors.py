"""What can be wrong with a ledger, as typed errors."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError


class NoLedger(ConsoleError):
    """The contracts are not deployed yet."""

    code = "no_ledger"
    status = 503
    message = _("The alliance's contracts are not on a ledger yet: run deploy_contracts.")


class EarlierContracts(ConsoleError):
    """The contracts are of a release before timelock and rules by kind; ``address`` is their governor's."""

    code = "earlier_contracts"
    status = 409
    message = _("The contracts of governor %(address)s are of an earlier release: begin with a new ledger.")


class LedgerUnreachable(ConsoleError):
    """The node did not answer. ``detail`` is the technical reason."""

    code = "ledger_unreachable"
    status = 503
    message = _("The ledger does not answer: %(detail)s")


class NoTrustedNode(LedgerUnreachable):
    """Every address of LEDGER_URL was left, one at least for a lie. ``detail`` says which and why."""

    code = "no_trusted_ledger_node"
    message = _("None of the ledger's nodes can be trusted: %(detail)s")


class LogsMissing(ConsoleError):
    """A node shows in one answer that a block has events of ours, and leaves them out of another."""

    code = "ledger_logs_missing"
    status = 503
    message = _("The ledger's node withholds events of block %(block)s.")


class OtherLedger(ConsoleError):
    """The node answers for another chain, or for one that was wiped: ``what`` is not as recorded."""

    code = "other_ledger"
    status = 503
    message = _("This is not the alliance's ledger: its %(what)s is %(actual)s, expected %(expected)s.")


class LedgerMoved(ConsoleError):
    """The chain was reorganised between two questions; asking again helps."""

    code = "ledger_moved"
    status = 503
    message = _("The ledger was reorganised while it was read at block %(block)s.")


class InvalidChainText(ConsoleError):
    """``value`` does not fit into a bytes32 as the contracts want it."""

    code = "invalid_chain_text"
    status = 400
    message = _("“%(value)s” can't be written to the ledger: %(reason)s")


class UnknownCall(ConsoleError):
    """Calldata that none of the contracts knows."""

    code = "unknown_call"
    status = 400
    message = _("The call %(selector)s is none that the alliance's contracts know.")


class NotThisContract(ConsoleError):
    """There is no contract of that kind at the address: no code, or none that answers as it ought to."""

    code = "not_this_contract"
    status = 409
    message = _("There is no %(contract)s contract at %(address)s.")


class ContractDoesNotFit(ConsoleError):
    """A contract that belongs to another alliance, or to other parts of this one; ``what`` it says is."""

    code = "contract_does_not_fit"
    status = 409
    message = _("Contract %(address)s does not fit: its %(what)s is %(actual)s, expected %(expected)s.")


class RelayKeyNotAvailable(ConsoleError):
    """This process has no passphrase, no key file, or they do not fit. ``detail`` says which."""

    code = "relay_key_not_available"
    status = 503
    message = _("The relay account's key can't be opened here: %(detail)s")


class RelayAccountEmpty(ConsoleError):
    """The ledger takes a fee and the relay account can't pay it."""

    code = "relay_account_empty"
    status = 503
    message = _("The relay account %(address)s has no funds, and this ledger takes a fee.")


class RelayFailed(ConsoleError):
    """A transaction that a command waits for was refused by a contract."""

    code = "relay_failed"
    status = 409
    message = _("The ledger refused “%(key)s”: %(error_code)s")


class RelayTimeout(ConsoleError):
    """A transaction that a command waits for is not on the ledger after ``seconds``."""

    code = "relay_timeout"
    status = 504
    message = _("“%(key)s” is not on the ledger after %(seconds)s seconds.")


class FoundingClosed(ConsoleError):
    """The founding act is over; from now on members decide by vote."""

    code = "founding_closed"
    status = 409
    message = _("The founding is closed: from now on seats and roles are given by vote.")


class NobodyToFound(ConsoleError):
    """No admitted institution has a voting address."""

    code = "nobody_to_found"
    status = 409
    message = _("No admitted institution has a voting address: there is nobody to give a seat to.")


class ConfirmationRefused(ConsoleError):
    """No guardian's confirmation for this alliance's contract. ``detail`` is the technical reason."""

    code = "confirmation_refused"
    status = 400
    message = _("This is no guardian's confirmation for this alliance: %(detail)s")
