"""A ledger that is governed elsewhere: the console reads who takes part in it, and changes nothing.

Either a registry contract with the events of the alliance's own ``NodeRegistry``, or the node's own lists of
sealers and observers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from django.db import transaction
from django.utils.translation import gettext as _
from web3 import Web3
from web3.exceptions import BlockNotFound
from web3.types import BlockData

from governance.chain.contracts import REGISTRY, offline, text
from governance.chain.ledgers import node, noting, projecting
from governance.chain.ledgers.base import (
    AccountRight,
    Action,
    Capabilities,
    Change,
    Clock,
    Counted,
    Deadline,
    Elector,
    Found,
    NodeRole,
    TransactionStyle,
    Unsigned,
)
from governance.chain.ledgers.committee import native_nodes
from governance.chain.ledgers.errors import LedgerCannot
from governance.chain.ledgers.indexing import block_time
from governance.chain.ledgers.models import GovernedLedger, LedgerBlock

_EVENT = "NodeRoleChanged"


class RegistryOnlyLedger:
    """A ledger that is only read. See :class:`base.GovernedLedger`."""

    kind = GovernedLedger.Kind.REGISTRY_ONLY.value
    capabilities = Capabilities(
        proposes=False,
        ballots=False,
        transactions=False,
        abstains=False,
        executes=False,
        revokes=False,
        must_refresh=False,
        frozen_rules=False,
    )
    style = TransactionStyle(legacy=True, gas=None, gas_price=None)

    def __init__(self, row: GovernedLedger) -> None:
        self.row = row
        self.clock = Clock(Deadline.NONE, row.ticks_per_second)
        self.log_range = row.log_range

    def head(self) -> int:
        return int(node.web3(self.row).eth.block_number)

    def nodes(self, network: str = "") -> list[NodeRole]:
        """From the registry contract where there is one, else from the node's own lists."""
        if not self.row.registry:
            return native_nodes(self.row)
        found: dict[str, int] = {}
        for change in self.changes(self.row.start_block, self.head()):
            if not network or change.arguments["network"] == network:
                found[change.arguments["consensus_id"]] = change.arguments["role"]
        return [NodeRole(consensus_id, role) for consensus_id, role in sorted(found.items()) if role]

    def changes(self, first: int, last: int) -> list[Change]:
        """The registry's events, in ranges that one question covers; none where there is no registry."""
        if not self.row.registry:
            return []
        found: list[Change] = []
        for start in range(first, last + 1, self.log_range):
            found += self._changes(start, min(last, start + self.log_range - 1))
        return found

    def account(self, address: str, network: str = "") -> AccountRight:
        self._no(_("accounts are not read"))

    def electorate(self, proposal_id: str = "") -> list[Elector]:
        return []

    def propose(self, actions: Sequence[Action], *, sender: str, interval: int = 0) -> Unsigned:
        self._no(_("it is governed elsewhere"))

    def vote(self, proposal_id: str, *, agree: bool, sender: str) -> Unsigned:
        self._no(_("it is governed elsewhere"))

    def revoke(self, proposal_id: str, *, sender: str) -> Unsigned:
        self._no(_("it is governed elsewhere"))

    def execute(self, proposal_id: str, *, sender: str) -> Unsigned:
        self._no(_("it is governed elsewhere"))

    def proposal(self, proposal_id: str) -> Found:
        self._no(_("it is governed elsewhere"))

    def tally(self, proposal_id: str) -> Counted:
        self._no(_("it is governed elsewhere"))

    def _no(self, what: str) -> NoReturn:
        raise LedgerCannot(ledger=self.row.slug, what=what)

    def _changes(self, first: int, last: int) -> list[Change]:
        event = offline(REGISTRY).events[_EVENT]()
        logs = node.web3(self.row).eth.get_logs(
            {
                "address": Web3.to_checksum_address(self.row.registry),
                "topics": [event.topic],
                "fromBlock": first,
                "toBlock": last,
            }
        )
        ordered = sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))
        return [
            Change(
                log["blockNumber"],
                log["logIndex"],
                log["transactionHash"].to_0x_hex(),
                _EVENT,
                _plain(event.process_log(log)["args"]),
            )
            for log in ordered
        ]


def read(row: GovernedLedger) -> None:
    """Make the table of nodes what the ledger says now. Raises LedgerUnreachable, OtherLedger."""
    if not row.registry:
        _read_lists(row)
        return
    ledger = RegistryOnlyLedger(row)
    with transaction.atomic():
        row = GovernedLedger.objects.select_for_update(no_key=True).get(pk=row.pk)
        newest = row.blocks.order_by("-number").first()
        if newest is not None and not _still_there(row, newest):
            row.blocks.all().delete()  # the ledger went back: read all of it again
            row.nodes.all().delete()
            newest = None
        _read_on(ledger, newest.number + 1 if newest else row.start_block)


def forget(row: GovernedLedger) -> None:
    """Read the registry again from its first block, the next time."""
    with transaction.atomic():
        GovernedLedger.objects.select_for_update(no_key=True).get(pk=row.pk)
        row.blocks.all().delete()


def _read_lists(row: GovernedLedger) -> None:
    """The node's own lists are of now; the block that was the newest then is kept."""
    head = node.web3(row).eth.get_block("latest")
    with transaction.atomic():
        row = GovernedLedger.objects.select_for_update(no_key=True).get(pk=row.pk)
        projecting.put_nodes(row, must=True)
        _keep_head(row, head)


def _keep_head(row: GovernedLedger, head: BlockData) -> None:
    with transaction.atomic():
        row.blocks.all().delete()
        LedgerBlock.objects.create(
            ledger=row, number=head["number"], hash=head["hash"].to_0x_hex(), time=block_time(head)
        )


def _read_on(ledger: RegistryOnlyLedger, first: int) -> None:
    """From block ``first`` to the head; how far that was is kept."""
    row, last = ledger.row, ledger.head()
    if last < first:
        return
    head = node.web3(row).eth.get_block(last)
    wanted = {each.consensus_id: (each.role, 0) for each in row.nodes.all()}
    for change in ledger.changes(first, last):
        if row.network_id is None or change.arguments["network"] == row.network_id:
            wanted[change.arguments["consensus_id"]] = (change.arguments["role"], 0)
    projecting.put_node_rows(row, {key: value for key, value in wanted.items() if value[0]})
    _keep_head(row, head)
    noting.nodes_read(row)


def _still_there(row: GovernedLedger, block: LedgerBlock) -> bool:
    try:
        return node.web3(row).eth.get_block(block.number)["hash"].to_0x_hex() == block.hash
    except BlockNotFound:
        return False


def _plain(arguments: Any) -> dict[str, Any]:
    return {
        "network": text(arguments["network"]),
        "consensus_id": bytes(arguments["consensusId"]).hex(),
        "role": int(arguments["role"]),
    }
