"""What of the ledgers a person may see, for portal and API. What is not in here is a 404, never a 403."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from consortium.members.models import User
from consortium.web.portal import scope
from governance.chain.ledgers import lines
from governance.chain.ledgers.models import (
    CommitteeGovernor,
    CommitteeProposal,
    CommitteeTransaction,
    CommitteeWish,
    GovernedLedger,
    LedgerNode,
)
from governance.contracts import fisco

Kind = GovernedLedger.Kind
Status = CommitteeTransaction.Status


def ledgers(user: User) -> QuerySet[GovernedLedger]:
    """Of the table. A member: those of no network in particular, of networks where it has a node, and those
    on whose committee it sits."""
    rows = GovernedLedger.objects.exclude(kind=Kind.GOVERNOR).select_related("network", "reading")
    if scope.oversees(user):
        return rows
    if not user.is_member:
        return rows.none()
    nodes = scope.nodes(user).order_by().values("consensus_id")
    own = Q(network=None) | Q(network__in=scope.networks(user).order_by().values("pk"))
    own |= Q(pk__in=LedgerNode.objects.filter(consensus_id__in=nodes).order_by().values("ledger"))
    own |= Q(pk__in=CommitteeGovernor.objects.filter(address=address_of(user)).order_by().values("ledger"))
    return rows.filter(own)


def listed(user: User) -> list[lines.LedgerLine]:
    """The alliance's own ledger, then the others; a fixed number of queries."""
    own = alliances_own(user)
    others = lines.ledgers(list(ledgers(user)))
    return [*([own] if own else []), *others]


def alliances_own(user: User) -> lines.LedgerLine | None:
    """Every member votes on it."""
    return lines.alliances_own() if user.is_member or scope.oversees(user) else None


def committees(user: User) -> QuerySet[GovernedLedger]:
    return ledgers(user).filter(kind=Kind.COMMITTEE)


def proposals(user: User) -> QuerySet[CommitteeProposal]:
    """Of committees, as they are on the ledgers for whoever has a node there."""
    rows = CommitteeProposal.objects.select_related("ledger")
    return rows.filter(ledger__in=ledgers(user).order_by().values("pk"))


def wishes(user: User) -> QuerySet[CommitteeWish]:
    """What the secretariat asks of the governors."""
    rows = CommitteeWish.objects.select_related("ledger")
    return rows.filter(ledger__in=ledgers(user).order_by().values("pk"))


def transactions(user: User) -> QuerySet[CommitteeTransaction]:
    """A member: those signed with its own key. How others fared with theirs is their affair."""
    rows = CommitteeTransaction.objects.select_related("ledger")
    return rows if scope.oversees(user) else rows.filter(sender=address_of(user))


def address_of(user: User) -> str:
    """The voting address of the account's institution; "-", which is nobody's, where it has none."""
    own = user.institution.voting_address if user.institution else None
    return own or "-"


def is_governor(user: User, ledger: GovernedLedger) -> bool:
    """May the account's institution vote on this committee?"""
    return user.is_member and ledger.governors.filter(address=address_of(user)).exists()


def may_vote(user: User, proposal: CommitteeProposal) -> bool:
    """An open proposal that the account's institution has a vote on and has not given."""
    if proposal.status != fisco.OPEN or not is_governor(user, proposal.ledger):
        return False
    voted = proposal.ledger.votes.filter(number=proposal.number, voter=address_of(user))
    return not voted.exists() and not _under_way(user, proposal).exists()


def _under_way(user: User, proposal: CommitteeProposal) -> QuerySet[CommitteeTransaction]:
    """Votes of the account's institution that the ledger has not shown yet."""
    sent = proposal.ledger.transactions.filter(sender=address_of(user), purpose=f"vote:{proposal.number}")
    return sent.filter(status__in=[Status.SIGNED, Status.MINED])


def may_revoke(user: User, proposal: CommitteeProposal) -> bool:
    """An open proposal of the account's own institution."""
    return user.is_member and proposal.status == fisco.OPEN and proposal.proposer == address_of(user)
