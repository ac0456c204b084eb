"""Which adapter answers for a ledger."""

from __future__ import annotations

from governance.chain import ledger as gateway
from governance.chain.ledgers.base import GovernedLedger as Asked
from governance.chain.ledgers.committee import CommitteeLedger
from governance.chain.ledgers.governor import GovernorLedger
from governance.chain.ledgers.models import GovernedLedger
from governance.chain.ledgers.registry_only import RegistryOnlyLedger

Kind = GovernedLedger.Kind


def of(row: GovernedLedger) -> Asked:
    """The ledger behind a row. One that the governor governs is the alliance's own. Raises NoLedger."""
    if row.kind == Kind.COMMITTEE:
        return CommitteeLedger(row)
    if row.kind == Kind.REGISTRY_ONLY:
        return RegistryOnlyLedger(row)
    return alliance()


def alliance() -> Asked:
    """The ledger that governs the alliance. Raises NoLedger until it is deployed."""
    return GovernorLedger(gateway.current())


def of_network(network: str) -> Asked:
    """Where the nodes and accounts of a network are decided: a ledger of its own, else the alliance's."""
    row = GovernedLedger.objects.filter(network_id=network).first()
    return alliance() if row is None else of(row)
