"""Entering a ledger into the table: where it answers, how it is governed, which one it is."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _
from web3 import Web3

from consortium.core import events
from consortium.core.errors import InvalidInput
from consortium.core.events import COMMAND, Actor
from consortium.members.models import Network
from consortium.members.permissions import require_secretariat
from governance.chain.ledgers import node
from governance.chain.ledgers.committee import FUSE, CommitteeLedger
from governance.chain.ledgers.errors import NoRpcAddress
from governance.chain.ledgers.models import GovernedLedger

__all__ = ["COMMAND", "register"]

Kind = GovernedLedger.Kind


def register(
    slug: str,
    *,
    kind: str,
    rpc_addresses: Sequence[str],
    actor: Actor,
    native_addresses: Sequence[str] = (),
    native_group: str = "group0",
    network: Network | None = None,
    registry: str = "",
    start_block: int = 0,
    log_range: int = FUSE,
) -> GovernedLedger:
    """Ask the ledger who it is, and enter it; addresses of one that is there are replaced.

    What it is (chain id, genesis, kind) never changes. A committee's clock is asked for. Raises NoRpcAddress,
    LedgerUnreachable, OtherLedger, NotACommitteeLedger, InvalidInput.
    """
    require_secretariat(actor)
    if kind == Kind.GOVERNOR:
        raise InvalidInput(field="kind", reason=_("the alliance's own ledger is entered by its deployment."))
    if not rpc_addresses:
        raise NoRpcAddress
    if registry and not Web3.is_address(registry):
        raise InvalidInput(field="registry", reason=_("this is not an address."))
    chain_id, genesis = node.identify(rpc_addresses)
    row = GovernedLedger.objects.filter(slug=slug).first()
    if row is None:
        row = GovernedLedger(slug=slug, kind=kind, chain_id=chain_id, genesis_hash=genesis)
    elif (row.kind, row.chain_id, row.genesis_hash) != (kind, chain_id, genesis):
        raise InvalidInput(field="slug", reason=_("this name is another ledger's."))
    row.rpc_addresses, row.native_addresses = list(rpc_addresses), list(native_addresses)
    row.native_group, row.network, row.log_range = native_group, network, log_range
    row.registry = str(Web3.to_checksum_address(registry)) if registry else ""
    row.start_block = start_block
    if kind == Kind.COMMITTEE:
        row.ticks_per_second = _committee_clock(row)
    with transaction.atomic():
        row.save()
        events.record(
            "governed_ledger.registered", row, actor=actor, kind=kind, chain_id=chain_id, genesis=genesis
        )
    return row


def _committee_clock(row: GovernedLedger) -> int:
    committee = CommitteeLedger(row)
    committee.addresses()
    return committee.contract_ticks()
