"""A ledger that the alliance's own governor contract governs: the present gateway, seen as any ledger is.

The console's own way of voting on it is the signed ballot (``governance.proposals``); the transactions here
are for a member that sends to the ledger by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings
from django.utils.translation import gettext as _
from web3 import Web3

from governance.chain import calls, contracts
from governance.chain import ledger as gateway
from governance.chain.calls import Call
from governance.chain.errors import UnknownCall
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
    State,
    TransactionStyle,
    Unsigned,
)
from governance.chain.ledgers.errors import InvalidAction, LedgerCannot, UnknownProposal
from governance.chain.ledgers.models import GovernedLedger
from governance.chain.models import (
    AccountPermission,
    CastVote,
    ChainEvent,
    Ledger,
    OnChainProposal,
    RegistryEntry,
    Seat,
)

_GAS = 3_000_000  # without an estimate: the voter's own tool may make a better one
_OPENZEPPELIN = (  # IGovernor.ProposalState, in its order
    State.OPEN,  # pending: the vote begins at the next second
    State.OPEN,
    State.REVOKED,
    State.DENIED,
    State.PASSED,
    State.QUEUED,
    State.OUTDATED,
    State.APPLIED,
)
_BUILD: dict[str, Callable[..., Call]] = {
    "grant": calls.grant_seat,
    "suspend": calls.suspend_seat,
    "reinstate": calls.reinstate_seat,
    "revoke": calls.revoke_seat,
    "changeVoter": calls.change_voter,
    "setRole": calls.set_role,
    "remove": calls.remove_node,
    "setAccount": calls.set_account,
}


class GovernorLedger:
    """The alliance's ledger. See :class:`base.GovernedLedger`."""

    kind = GovernedLedger.Kind.GOVERNOR.value
    capabilities = Capabilities(
        proposes=True,
        ballots=True,
        transactions=True,
        abstains=True,
        executes=True,
        revokes=False,  # the console withdraws, the guardian cancels
        must_refresh=False,
        frozen_rules=True,
    )
    style = TransactionStyle(legacy=False, gas=None, gas_price=None)

    def __init__(self, row: Ledger) -> None:
        self.row = row
        self.clock = Clock(Deadline.SECONDS, row.ticks_per_second)
        self.log_range = _range(row)

    def head(self) -> int:
        return int(gateway.web3(self.row).eth.block_number)

    # --- What members sign ------------------------------------------------------------------------------
    def propose(self, actions: Sequence[Action], *, sender: str, interval: int = 0) -> Unsigned:
        """``Action.type`` is the contract's function; several actions are carried out together or not at all.

        The voting period is the contract's own; ``interval`` is not heeded.
        """
        content = [self._call(action) for action in actions]
        words = ", ".join(action.type for action in actions)
        binding = contracts.governor(self.row).functions.binding().call()
        description = f"{words}\n{binding}{Web3.to_checksum_address(sender)}"
        return self._unsigned(sender, calls.propose(self.row, content, description))

    def vote(self, proposal_id: str, *, agree: bool, sender: str) -> Unsigned:
        support = CastVote.Support.FOR if agree else CastVote.Support.AGAINST
        data = contracts.offline(contracts.GOVERNOR).encode_abi(
            "castVote", args=[int(self._known(proposal_id).proposal_id), int(support)]
        )
        return self._unsigned(sender, Call(self.row.governor, 0, data))

    def revoke(self, proposal_id: str, *, sender: str) -> Unsigned:
        raise LedgerCannot(ledger=self.row.slug, what=_("the guardian cancels, the proposer does not"))

    def execute(self, proposal_id: str, *, sender: str) -> Unsigned:
        """Anybody may, once the timelock's delay is over."""
        known = self._known(proposal_id)
        return self._unsigned(
            sender, calls.execute(self.row, _content(known), known.description, governor=known.governor)
        )

    # --- What the ledger says ---------------------------------------------------------------------------
    def proposal(self, proposal_id: str) -> Found:
        known = self._known(proposal_id)
        governor = contracts.governor(self.row, address=known.governor)
        state = governor.functions.state(int(known.proposal_id)).call()
        return Found(
            id=known.proposal_id,
            proposer=known.proposer,
            state=_OPENZEPPELIN[state],
            actions=tuple(_action(call) for call in _content(known)),
            deadline_at=known.vote_end,
        )

    def tally(self, proposal_id: str) -> Counted:
        known = self._known(proposal_id)
        governor = contracts.governor(self.row, address=known.governor)
        against, in_favour, abstain = governor.functions.proposalVotes(int(known.proposal_id)).call()
        return Counted(agree=in_favour, against=against, abstain=abstain, all=known.electorate)

    def electorate(self, proposal_id: str = "") -> list[Elector]:
        """Members with a vote now; a proposal's own electorate is frozen and known by number only."""
        seats = Seat.objects.filter(ledger=self.row, status=Seat.Status.ACTIVE)
        return [Elector(seat.voting_address, 1, seat.member_id) for seat in seats]

    def nodes(self, network: str = "") -> list[NodeRole]:
        entries = RegistryEntry.objects.filter(ledger=self.row)
        found = entries.filter(network=network) if network else entries
        return [NodeRole(entry.consensus_id, entry.role) for entry in found]

    def account(self, address: str, network: str = "") -> AccountRight:
        may = AccountPermission.objects.filter(
            ledger=self.row,
            network=network,
            address__iexact=address,
            permission=AccountPermission.Permission.DEPLOY,
        )
        return AccountRight(str(Web3.to_checksum_address(address)), may.exists())

    def changes(self, first: int, last: int) -> list[Change]:
        """The contracts' events, as indexed."""
        rows = ChainEvent.objects.filter(ledger=self.row, block__range=(first, last))
        return [Change(row.block, row.log_index, row.tx_hash, row.name, row.args) for row in rows]

    # --- Small things -----------------------------------------------------------------------------------
    def _known(self, proposal_id: str) -> OnChainProposal:
        found = OnChainProposal.objects.filter(ledger=self.row, proposal_id=proposal_id).first()
        if found is None:
            raise UnknownProposal(proposal=proposal_id)
        return found

    def _call(self, action: Action) -> Call:
        build = _BUILD.get(action.type)
        try:
            if build is None:
                raise TypeError(action.type)
            return build(self.row, **action.arguments)
        except TypeError as error:
            raise InvalidAction(reason=str(error)) from error

    def _unsigned(self, sender: str, call: Call) -> Unsigned:
        eth = gateway.web3(self.row).eth
        who = Web3.to_checksum_address(sender)
        return Unsigned(
            chain_id=self.row.chain_id,
            sender=str(who),
            to=call.target,
            data=call.data,
            nonce=int(eth.get_transaction_count(who)),
            gas=_GAS,
            gas_price=int(eth.gas_price),
        )


def _range(row: Ledger) -> int:
    """Blocks that the indexer asks for at once on this ledger."""
    return int(row.log_range or settings.LEDGER_LOG_RANGE)


def _content(known: OnChainProposal) -> list[Call]:
    content = zip(known.targets, known.values, known.calldatas, strict=True)
    return [Call(target, int(value), data) for target, value, data in content]


def _action(call: Call) -> Action:
    try:
        name, arguments = calls.decode(call)
    except UnknownCall:
        return Action("", {"target": call.target, "data": call.data})
    return Action(name, arguments)
