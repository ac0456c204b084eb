"""A governor's signed transaction, handed in: checked to be what it is said to be, stored, relayed as it is.

The console can withhold it, never change it; a governor can send the same bytes to the ledger without us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from web3.exceptions import ContractLogicError, Web3RPCError

from consortium.core import clock, events, outbox
from consortium.core.errors import NotAllowed
from consortium.core.events import Actor, AutomaticActor
from consortium.members.models import User
from governance.chain.ledgers import rules, saying, signed, topics, wishes
from governance.chain.ledgers.base import State
from governance.chain.ledgers.committee import CommitteeLedger, Info, state_of
from governance.chain.ledgers.errors import (
    LedgerCannot,
    LedgerRefuses,
    NonceUnusable,
    NotAGovernor,
    NotTheProposer,
    NotYourGovernor,
    ProposalNotOpen,
    SenderWithoutFunds,
    TransactionForOtherChain,
    TransactionForOtherContract,
    TransactionSaysOtherwise,
    TransactionTerms,
    TransactionUnreadable,
    VotedAlready,
    VoteTooLate,
    WeightsTooLarge,
    WishClosed,
)
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeTransaction,
    CommitteeWish,
    GovernedLedger,
)
from governance.chain.ledgers.signed import Signed
from governance.chain.ledgers.wishes import WishState
from governance.contracts import fisco

Status = CommitteeTransaction.Status


@dataclass(frozen=True, slots=True)
class _Errand:
    """What a transaction is handed in for."""

    purpose: str
    function: fisco.Function
    arguments: dict[str, Any]
    interval: int = 0
    number: int | None = None
    wish: CommitteeWish | None = None


def propose(wish: CommitteeWish, raw: str, *, actor: Actor) -> CommitteeTransaction:
    """The signed create call of a wish. Before its turn it is held, and sent when the turn comes.

    The same bytes twice give the same row. Raises what the checks below raise.
    """
    ledger = wish.ledger
    errand = _Errand(
        f"wish:{wish.pk}", fisco.CREATES[wish.type], wish.arguments, int(wish.interval), wish=wish
    )
    sent = _read(ledger, raw, errand, actor)
    if (known := _known(ledger, sent, errand)) is not None:
        return known
    committee = CommitteeLedger(ledger)
    _check_sender(committee, sent)
    if wish.type == 11:
        committee.check_weights(wish.arguments["account"], wish.arguments["weight"], apart=[wish.pk])
    if wishes.state(wish) is WishState.READY:
        _dry_run(committee, sent)
    with transaction.atomic():
        wishes.locked(ledger)
        wish = CommitteeWish.objects.select_for_update().get(pk=wish.pk)
        current = wishes.state(wish)
        if current not in {WishState.READY, WishState.WAITING} or _is_held(wish):
            raise WishClosed(state=str(wishes.LABELS[current]))
        held = current is WishState.WAITING
        return _store(committee, sent, errand, actor, Status.HELD if held else Status.SIGNED)


def vote(ledger: GovernedLedger, number: int, raw: str, *, agree: bool, actor: Actor) -> CommitteeTransaction:
    """A governor's signed vote on proposal ``number``. Relayed at once; never after the deadline."""
    errand = _Errand(f"vote:{number}", fisco.VOTE, {"proposal": number, "agree": agree}, number=number)
    sent = _read(ledger, raw, errand, actor)
    if (known := _known(ledger, sent, errand)) is not None:
        return known
    committee = CommitteeLedger(ledger)
    _check_sender(committee, sent)
    info = _open(committee, number)
    if sent.sender in {*info.votes.agree, *info.votes.against}:
        raise VotedAlready(sender=sent.sender, proposal=number)
    if agree:
        _check_weights(committee, number)
    return _now(committee, sent, errand, actor)


def _check_weights(committee: CommitteeLedger, number: int) -> None:
    """Nobody helps a proposal along after which the ledger could not count any more: it may not be ours."""
    row = CommitteeProposal.objects.filter(ledger=committee.row, number=number, type=11).first()
    if row is None or not row.arguments:
        return
    weights = committee.rules().weights
    worst = rules.worst_sum(weights, [(row.arguments["account"], int(row.arguments["weight"]))])
    if fisco.overflows(worst):
        raise WeightsTooLarge(sum=worst, bound=fisco.WEIGHT_BOUND)


def revoke(ledger: GovernedLedger, number: int, raw: str, *, actor: Actor) -> CommitteeTransaction:
    """The proposer's signed revocation of proposal ``number``, while it is open."""
    errand = _Errand(f"revoke:{number}", fisco.REVOKE, {"proposal": number}, number=number)
    sent = _read(ledger, raw, errand, actor)
    if (known := _known(ledger, sent, errand)) is not None:
        return known
    committee = CommitteeLedger(ledger)
    _check_sender(committee, sent)
    info = _open(committee, number)
    if info.proposer != sent.sender:
        raise NotTheProposer(proposer=info.proposer, proposal=number)
    return _now(committee, sent, errand, actor)


# --- What the bytes say ---------------------------------------------------------------------------------
def _read(ledger: GovernedLedger, raw: str, errand: _Errand, actor: Actor) -> Signed:
    """Everything that the bytes alone can show."""
    if ledger.kind != GovernedLedger.Kind.COMMITTEE:
        raise LedgerCannot(ledger=ledger.slug, what=_("it has no committee"))
    sent = signed.read(raw)
    _check_actor(actor, sent)
    if sent.chain_id != ledger.chain_id:
        raise TransactionForOtherChain(actual=sent.chain_id, expected=ledger.chain_id)
    if sent.to.lower() != fisco.COMMITTEE_MANAGER:
        raise TransactionForOtherContract(actual=sent.to, expected=fisco.COMMITTEE_MANAGER)
    _check_terms(sent)
    _check_words(sent, errand)
    return sent


def _check_actor(actor: Actor, sent: Signed) -> None:
    """An officer hands in with its own institution's key; the secretariat passes on for anybody."""
    if isinstance(actor, AutomaticActor):
        return
    if not isinstance(actor, User) or not (actor.is_secretariat or actor.is_member):
        raise NotAllowed
    own = actor.institution.voting_address if actor.institution else None
    if actor.is_member and own != sent.sender:
        raise NotYourGovernor(sender=sent.sender)


def _check_terms(sent: Signed) -> None:
    for what, actual, expected in ((_("value"), sent.value, 0), (_("gas price"), sent.gas_price, 0)):
        if actual != expected:
            raise TransactionTerms(what=what, actual=actual, expected=expected)
    if not 21_000 < sent.gas <= fisco.GAS_LIMIT:
        raise TransactionTerms(what="gas", actual=sent.gas, expected=f"21001–{fisco.GAS_LIMIT}")


def _check_words(sent: Signed, errand: _Errand) -> None:
    try:
        said = fisco.read(sent.data)
    except fisco.NotACall as error:
        raise TransactionUnreadable(reason=saying.why(error)) from error
    pairs: list[tuple[str, Any, Any]] = [(_("function"), said.function.name, errand.function.name)]
    if said.function == errand.function:
        pairs += [(name, said.arguments[name], value) for name, value in errand.arguments.items()]
        pairs.append((_("blocks to vote"), said.interval, errand.interval))
    for what, actual, expected in pairs:
        if actual != expected:
            raise TransactionSaysOtherwise(what=what, actual=actual, expected=expected)


# --- What the ledger says -------------------------------------------------------------------------------
def _check_sender(committee: CommitteeLedger, sent: Signed) -> None:
    if sent.sender not in committee.rules().weights:
        raise NotAGovernor(sender=sent.sender)
    if committee.balance(sent.sender) == 0:
        raise SenderWithoutFunds(sender=sent.sender)


def _open(committee: CommitteeLedger, number: int) -> Info:
    info, head = committee.info(number), committee.head()
    current = state_of(info.status, info.deadline, head, None)
    if current is State.OVERDUE:
        raise VoteTooLate(proposal=number, deadline=info.deadline, head=head)
    if current is not State.OPEN:
        raise ProposalNotOpen(proposal=number, state=current.value)
    return info


def _dry_run(committee: CommitteeLedger, sent: Signed) -> None:
    """Ask the ledger what it would answer now; its words are all that a refusal leaves to read."""
    try:
        committee.client.eth.call({"from": sent.sender, "to": sent.to, "data": sent.data, "gas": sent.gas})
    except (ContractLogicError, Web3RPCError) as error:
        raise LedgerRefuses(reason=str(getattr(error, "message", None) or error)) from error


# --- Storing --------------------------------------------------------------------------------------------
def _now(committee: CommitteeLedger, sent: Signed, errand: _Errand, actor: Actor) -> CommitteeTransaction:
    _dry_run(committee, sent)
    with transaction.atomic():
        wishes.locked(committee.row)
        return _store(committee, sent, errand, actor, Status.SIGNED)


def _store(
    committee: CommitteeLedger, sent: Signed, errand: _Errand, actor: Actor, status: str
) -> CommitteeTransaction:
    """Hash and bytes before anything is sent, in the caller's transaction with the ledger's row locked."""
    if (known := _known(committee.row, sent, errand)) is not None:
        return known
    _check_nonce(committee, sent, status)
    row = CommitteeTransaction.objects.create(
        ledger=committee.row,
        purpose=errand.purpose,
        wish=errand.wish,
        number=errand.number,
        sender=sent.sender,
        nonce=sent.nonce,
        to=sent.to,
        function=errand.function.name,
        arguments=errand.arguments,
        tx_hash=sent.tx_hash,
        raw=sent.raw,
        status=status,
        handed_in_by=actor.get_username(),
        handed_in_at=clock.now(),
    )
    events.record(
        "committee.transaction_held" if status == Status.HELD else "committee.transaction_handed_in",
        row,
        actor=actor,
        ledger=row.ledger_id,
        purpose=row.purpose,
        sender=row.sender,
        tx_hash=row.tx_hash,
    )
    if status == Status.SIGNED:
        outbox.enqueue(topics.SEND, key=str(row.pk), payload={"transaction": row.pk})
    return row


def _check_nonce(committee: CommitteeLedger, sent: Signed, status: str) -> None:
    """The account's next number, after those under way. What was signed ahead gives way to what goes now."""
    live = CommitteeTransaction.objects.filter(ledger=committee.row, sender=sent.sender)
    expected = committee.nonce(sent.sender)
    counted = {Status.SIGNED, Status.HELD} if status == Status.HELD else {Status.SIGNED}
    under_way = set(live.filter(status__in=counted).values_list("nonce", flat=True))
    while expected in under_way:
        expected += 1
    if sent.nonce != expected:
        raise NonceUnusable(actual=sent.nonce, expected=expected)
    for ahead in live.filter(status=Status.HELD, nonce=sent.nonce):
        lose(ahead)
    # A reverted or mined one of that number was on a branch that the ledger has left.
    live.filter(nonce=sent.nonce, status__in=[Status.MINED, Status.REVERTED]).update(status=Status.LOST)


def lose(row: CommitteeTransaction) -> None:
    """Another transaction has its number: it can never be mined, and a wish is to be signed again."""
    row.status, row.settled_at = Status.LOST, clock.now()
    row.save(update_fields=["status", "settled_at"])
    events.record(
        "committee.transaction_lost",
        row,
        actor=wishes.QUEUE,
        ledger=row.ledger_id,
        purpose=row.purpose,
        sender=row.sender,
        nonce=row.nonce,
    )


def _known(ledger: GovernedLedger, sent: Signed, errand: _Errand) -> CommitteeTransaction | None:
    row = CommitteeTransaction.objects.filter(ledger=ledger, tx_hash=sent.tx_hash).first()
    if row is not None and row.purpose != errand.purpose:
        raise TransactionSaysOtherwise(what=_("purpose"), actual=row.purpose, expected=errand.purpose)
    return row


def _is_held(wish: CommitteeWish) -> bool:
    return wish.transactions.filter(status=Status.HELD).exists()
