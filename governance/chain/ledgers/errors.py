"""What can be wrong with a wish, a vote or a signed transaction for a ledger, as typed errors."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError


class LedgerCannot(ConsoleError):
    """This way of governing has no such step: ``what``."""

    code = "ledger_cannot"
    status = 409
    message = _("The ledger %(ledger)s can't do this: %(what)s")


class NotACommitteeLedger(ConsoleError):
    """No committee is where FISCO BCOS has it, or the ledger is governed otherwise."""

    code = "not_a_committee_ledger"
    status = 409
    message = _("The ledger %(ledger)s has no committee at %(address)s.")


class NoRpcAddress(ConsoleError):
    """A ledger needs at least one address to be asked at."""

    code = "no_rpc_address"
    status = 400
    message = _("Name at least one JSON-RPC address of the ledger.")


class UnknownProposal(ConsoleError):
    """The ledger has no proposal with this id."""

    code = "unknown_ledger_proposal"
    status = 404
    message = _("The ledger has no proposal %(proposal)s.")


class InvalidAction(ConsoleError):
    """No proposal can say this: ``reason``."""

    code = "invalid_action"
    status = 400
    message = _("This can't be proposed: %(reason)s")


class WeightsTooLarge(ConsoleError):
    """The committee's weights would sum up to what its 32-bit arithmetic can't multiply by 100."""

    code = "weights_too_large"
    status = 409
    message = _(
        "The governors' weights could sum up to %(sum)s. From %(bound)s on the chain can't count, "
        "and every proposal would fail for ever."
    )


class WishClosed(ConsoleError):
    """The wish was cancelled, or is on the ledger already."""

    code = "wish_closed"
    status = 409
    message = _("This wish is not waiting any more: it is %(state)s.")


# --- A signed transaction that is handed in -----------------------------------------------------------
class TransactionUnreadable(ConsoleError):
    """The bytes are no signed transaction."""

    code = "transaction_unreadable"
    message = _("These bytes are no signed transaction: %(reason)s")


class TransactionNotLegacy(ConsoleError):
    """FISCO BCOS is sent legacy transactions (no type byte) with protection by chain id."""

    code = "transaction_not_legacy"
    message = _("Sign a legacy transaction with the chain's id (EIP-155): this one is %(kind)s.")


class TransactionForOtherChain(ConsoleError):
    """Signed for another chain id."""

    code = "transaction_other_chain"
    message = _("This transaction is for chain %(actual)s, the ledger is chain %(expected)s.")


class TransactionTerms(ConsoleError):
    """Price, gas or value are not as the ledger wants them."""

    code = "transaction_terms"
    message = _("The transaction's %(what)s is %(actual)s; it must be %(expected)s.")


class TransactionForOtherContract(ConsoleError):
    """It does not call the committee."""

    code = "transaction_other_contract"
    message = _("This transaction calls %(actual)s and not the committee at %(expected)s.")


class TransactionSaysOtherwise(ConsoleError):
    """It is signed, but for something else than it is handed in for."""

    code = "transaction_says_otherwise"
    status = 409
    message = _(
        "This transaction does not say what it is handed in for: %(what)s is %(actual)s, not %(expected)s."
    )


class NotAGovernor(ConsoleError):
    """Whoever signed has no weight in the committee."""

    code = "not_a_governor"
    status = 403
    message = _("%(sender)s is no governor of this ledger.")


class NotYourGovernor(ConsoleError):
    """Signed with another institution's key: its own officers hand that in."""

    code = "not_your_governor"
    status = 403
    message = _("%(sender)s is not your institution's address.")


class NonceUnusable(ConsoleError):
    """Spent, or with a gap before it that nothing here would fill."""

    code = "nonce_unusable"
    status = 409
    message = _(
        "The transaction's number is %(actual)s; the account's next one is %(expected)s. Sign it again."
    )


class SenderWithoutFunds(ConsoleError):
    """FISCO BCOS refuses senders whose balance is zero, even at a price of zero."""

    code = "sender_without_funds"
    status = 409
    message = _(
        "The account %(sender)s has no balance; this ledger takes nothing from such accounts, even for free."
    )


class ProposalNotOpen(ConsoleError):
    """Decided, revoked or outdated."""

    code = "ledger_proposal_not_open"
    status = 409
    message = _("Proposal %(proposal)s is not open any more: it is %(state)s.")


class VoteTooLate(ConsoleError):
    """The deadline block is there. The chain itself would still take the vote, and apply what it decides."""

    code = "vote_too_late"
    status = 409
    message = _(
        "Proposal %(proposal)s ended with block %(deadline)s, the ledger is at %(head)s. "
        "The console relays no vote after that."
    )


class VotedAlready(ConsoleError):
    code = "voted_already"
    status = 409
    message = _("%(sender)s has voted on proposal %(proposal)s.")


class NotTheProposer(ConsoleError):
    """Only the proposer revokes."""

    code = "not_the_proposer"
    status = 403
    message = _("Only %(proposer)s, who proposed it, can revoke proposal %(proposal)s.")


class LedgerRefuses(ConsoleError):
    """A dry run failed, with the ledger's own words."""

    code = "ledger_refuses"
    status = 409
    message = _("The ledger would refuse this: %(reason)s")
