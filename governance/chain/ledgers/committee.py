"""FISCO BCOS 3.x: a committee of governors at a fixed address, every vote a transaction of the voter's own.

Getters and ``eth_call`` answer with the latest state whatever block is asked for, so nothing here asks for
the past: what happened is read from blocks, transactions and receipts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import ContractLogicError
from web3.types import LogReceipt

from governance.chain.ledgers import node, rules, saying
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
from governance.chain.ledgers.errors import (
    InvalidAction,
    LedgerCannot,
    NotACommitteeLedger,
    UnknownProposal,
    WeightsTooLarge,
)
from governance.chain.ledgers.models import (
    CommitteeCall,
    CommitteeProposal,
    CommitteeWish,
    GovernedLedger,
    LedgerNode,
)
from governance.contracts import fisco

GAS = fisco.GAS_LIMIT // 10  # a create call takes half a million
PAGE = 50  # proposals a question
FUSE = 10  # blocks that a FISCO BCOS node covers in one eth_getLogs, whatever it is asked for

_STATES = {
    fisco.OPEN: State.OPEN,
    fisco.PASSED: State.PASSED,
    fisco.DENIED: State.DENIED,
    fisco.REVOKED: State.REVOKED,
    fisco.OUTDATED: State.OUTDATED,
}


@dataclass(frozen=True, slots=True)
class Info:
    """A proposal as the chain shows it: everything but what it does."""

    number: int
    resource: str
    proposer: str
    type: int
    deadline: int  # absolute: the last block in which it is in time
    status: int
    votes: rules.Votes


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of the committee are; only the first is fixed."""

    manager: str
    committee: str
    proposals: str


class CommitteeLedger:
    """A ledger that FISCO BCOS's committee governs. See :class:`base.GovernedLedger`."""

    kind = GovernedLedger.Kind.COMMITTEE.value
    capabilities = Capabilities(
        proposes=True,
        ballots=False,
        transactions=True,
        abstains=False,
        executes=False,
        revokes=True,
        must_refresh=True,
        frozen_rules=False,
        one_at_a_time=frozenset({12, 13, 21, 41, 51, 52}),
    )
    style = TransactionStyle(legacy=True, gas=GAS, gas_price=0)

    def __init__(self, row: GovernedLedger) -> None:
        self.row = row
        self.clock = Clock(Deadline.BLOCKS, row.ticks_per_second)
        self.log_range = min(row.log_range, FUSE)
        self._addresses: Addresses | None = None

    # --- Where things are -----------------------------------------------------------------------------------
    @property
    def client(self) -> Web3:
        return node.web3(self.row)

    def addresses(self) -> Addresses:
        """Raises NotACommitteeLedger where no committee answers."""
        if self._addresses is None:
            manager = fisco.COMMITTEE_MANAGER
            self._addresses = Addresses(
                manager, self._ask(manager, "_committee"), self._ask(manager, "_proposalMgr")
            )
        return self._addresses

    def head(self) -> int:
        return int(self.client.eth.block_number)

    def nonce(self, sender: str) -> int:
        """The account's next transaction number, as far as the chain has come."""
        return int(self.client.eth.get_transaction_count(Web3.to_checksum_address(sender)))

    def balance(self, sender: str) -> int:
        """In wei. A sender without any is refused, even at a price of zero; only 0x1011 gives it some."""
        return int(self.client.eth.get_balance(Web3.to_checksum_address(sender)))

    # --- What members sign ---------------------------------------------------------------------------------
    def propose(self, actions: Sequence[Action], *, sender: str, interval: int = 0) -> Unsigned:
        if len(actions) != 1:
            raise LedgerCannot(ledger=self.row.slug, what=_("several actions in one proposal"))
        type_, arguments = checked(actions[0])
        if type_ == 11:
            self.check_weights(arguments["account"], arguments["weight"])
        data = fisco.call(fisco.CREATES[type_], arguments, interval or fisco.DEFAULT_INTERVAL)
        return self._unsigned(sender, fisco.COMMITTEE_MANAGER, data)

    def vote(self, proposal_id: str, *, agree: bool, sender: str) -> Unsigned:
        data = fisco.call(fisco.VOTE, {"proposal": _number(proposal_id), "agree": agree})
        return self._unsigned(sender, fisco.COMMITTEE_MANAGER, data)

    def revoke(self, proposal_id: str, *, sender: str) -> Unsigned:
        data = fisco.call(fisco.REVOKE, {"proposal": _number(proposal_id)})
        return self._unsigned(sender, fisco.COMMITTEE_MANAGER, data)

    def refresh(self, proposal_id: str, *, sender: str) -> Unsigned:
        """Anybody may have the chain look at a deadline; until somebody does, late votes count."""
        data = fisco.call(fisco.REFRESH, {"proposal": _number(proposal_id)})
        return self._unsigned(sender, self.addresses().proposals, data)

    def execute(self, proposal_id: str, *, sender: str) -> Unsigned:
        raise LedgerCannot(ledger=self.row.slug, what=_("what passes is carried out by the deciding vote"))

    def _unsigned(self, sender: str, to: str, data: str) -> Unsigned:
        return Unsigned(
            chain_id=self.row.chain_id,
            sender=str(Web3.to_checksum_address(sender)),
            to=str(Web3.to_checksum_address(to)),
            data=data,
            nonce=self.nonce(sender),
            gas=GAS,
            gas_price=0,
        )

    # --- What the chain says now --------------------------------------------------------------------------
    def rules(self) -> rules.Rules:
        """Weights and rates of this moment."""
        found = self._ask(self.addresses().committee, "getCommitteeInfo")
        participation, win, governors, weights = found
        return rules.Rules(dict(zip(governors, weights, strict=True)), participation, win)

    def count(self) -> int:
        """How many proposals there ever were; they are numbered from 1."""
        return int(self._ask(self.addresses().proposals, "_proposalCount"))

    def info(self, number: int) -> Info:
        """Raises UnknownProposal."""
        found = _info(number, self._ask(self.addresses().proposals, "getProposalInfo", number))
        if found.status == 0:
            raise UnknownProposal(proposal=number)
        return found

    def infos(self, first: int, last: int) -> list[Info]:
        """The proposals ``first`` to ``last``, both included."""
        found: list[Info] = []
        for start in range(first, last + 1, PAGE):
            end = min(last, start + PAGE - 1)
            listed = self._ask(self.addresses().proposals, "getProposalInfoList", start, end)
            found += [_info(start + offset, values) for offset, values in enumerate(listed)]
        return found

    def check_weights(self, account: str, weight: int, *, apart: Collection[int] = ()) -> None:
        """Raise WeightsTooLarge where this weight, with all others that may still come, would be too much.

        Those are proposed or wished for, but for the wishes ``apart`` (keys).
        """
        proposed = CommitteeProposal.objects.filter(ledger=self.row, type=11, status=fisco.OPEN)
        wished = CommitteeWish.objects.filter(ledger=self.row, type=11, cancelled_at=None, number=None)
        contents = [
            *proposed.exclude(arguments=None).values_list("arguments", flat=True),
            *wished.exclude(pk__in=apart).values_list("arguments", flat=True),
        ]
        wanted = [(content["account"], int(content["weight"])) for content in contents]
        worst = rules.worst_sum(self.rules().weights, [(account, weight), *wanted])
        if fisco.overflows(worst):
            raise WeightsTooLarge(sum=worst, bound=fisco.WEIGHT_BOUND)

    def deploy_type(self) -> int:
        """How the right to deploy is kept: 0 not at all, 1 white list, 2 black list."""
        return int(self._ask(fisco.CONTRACT_AUTH, "deployType"))

    def contract_ticks(self) -> int:
        """Ticks a second of ``block.timestamp``: milliseconds unless the chain's feature flag is on."""
        value, _since = self._ask(fisco.SYSTEM_CONFIG, "getValueByKey", "feature_evm_timestamp")
        return 1 if value == "1" else 1000

    # --- What any ledger is asked ---------------------------------------------------------------------------
    def proposal(self, proposal_id: str) -> Found:
        info = self.info(_number(proposal_id))
        kept = CommitteeProposal.objects.filter(ledger=self.row, number=info.number).first()
        return Found(
            id=str(info.number),
            proposer=info.proposer,
            state=state_of(info.status, info.deadline, self.head(), kept.applied if kept else None),
            actions=_actions(info.type, kept),
            deadline_block=info.deadline,
            error_code=kept.exec_code if kept and kept.applied is False else None,
            after_deadline=bool(kept and kept.after_deadline),
        )

    def tally(self, proposal_id: str) -> Counted:
        info = self.info(_number(proposal_id))
        now = self.rules()
        counted = rules.tally(now, info.votes)
        open_ = info.status == fisco.OPEN
        return Counted(
            agree=counted.agree,
            against=counted.against,
            abstain=0,
            all=counted.all,
            outlook=rules.outlook(now, info.votes, removes=self._removes(info)) if open_ else None,
        )

    def electorate(self, proposal_id: str = "") -> list[Elector]:
        """The governors of this moment: no electorate is frozen."""
        return [Elector(address, weight) for address, weight in self.rules().weights.items()]

    def nodes(self, network: str = "") -> list[NodeRole]:
        """From the node's own lists; never guessed."""
        return native_nodes(self.row)

    def account(self, address: str, network: str = "") -> AccountRight:
        who = Web3.to_checksum_address(address)
        status = int(self._ask(fisco.ACCOUNT_MANAGER, "getAccountStatus", who))
        may = bool(self._ask(fisco.CONTRACT_AUTH, "hasDeployAuth", who))
        return AccountRight(str(who), may and status == 0, frozen=status == 1)

    def changes(self, first: int, last: int) -> list[Change]:
        """Calls of the committee, as indexed; the chain keeps no events of most of them."""
        calls = CommitteeCall.objects.filter(
            ledger=self.row, block__gte=first, block__lte=last, succeeded=True
        )
        return [
            Change(call.block, call.index, call.tx_hash, call.function or "execResult", call.arguments)
            for call in calls
        ]

    def results(self, first: int, last: int) -> list[LogReceipt]:
        """``execResult`` logs of a range that one question covers. More blocks than that would lose some."""
        if last - first + 1 > self.log_range:
            raise ValueError(f"{last - first + 1} blocks in one getLogs; at most {self.log_range}")
        return list(
            self.client.eth.get_logs(
                {
                    "address": Web3.to_checksum_address(fisco.COMMITTEE_MANAGER),
                    "topics": [Web3.keccak(text=fisco.EXEC_RESULT).to_0x_hex()],
                    "fromBlock": first,
                    "toBlock": last,
                }
            )
        )

    def _removes(self, info: Info) -> str:
        if info.type != 11:
            return ""
        kept = CommitteeProposal.objects.filter(ledger=self.row, number=info.number).first()
        arguments = (kept.arguments if kept else None) or {}
        return str(arguments["account"]) if arguments.get("weight") == 0 else ""

    def _ask(self, address: str, name: str, *values: Any) -> Any:
        """A view's answer, of the latest state. Raises NotACommitteeLedger where nothing answers it."""
        to = Web3.to_checksum_address(address)
        try:
            data = self.client.eth.call({"to": to, "data": HexStr(fisco.question(name, *values))})
            return fisco.answer(name, bytes(data))
        except (fisco.NotACall, ContractLogicError) as error:
            raise NotACommitteeLedger(ledger=self.row.slug, address=address) from error


def state_of(status: int, deadline: int, head: int, applied: bool | None) -> State:
    """The state that people are told. Open and at its deadline block: the next block is too late."""
    if status == fisco.OPEN and head >= deadline:
        return State.OVERDUE
    if status == fisco.PASSED and applied is not None:
        return State.APPLIED if applied else State.NOT_APPLIED
    return _STATES[status]


def checked(action: Action) -> tuple[int, dict[str, Any]]:
    """Type and arguments of an action that this chain could carry out. Raises InvalidAction."""
    try:
        type_ = int(action.type)
        arguments = fisco.normal(fisco.CREATES[type_], action.arguments)
    except (ValueError, KeyError) as error:
        raise InvalidAction(reason=f"{action.type}?") from error
    except fisco.NotACall as error:
        raise InvalidAction(reason=saying.why(error)) from error
    _check_content(type_, arguments)
    return type_, arguments


def native_nodes(row: GovernedLedger) -> list[NodeRole]:
    """Sealers and observers as the node's own JSON-RPC lists them."""
    sealers = node.native(row, "getSealerList")
    observers = node.native(row, "getObserverList")
    found = [NodeRole(_id(each), LedgerNode.Role.SEALER, _weight(each)) for each in sealers]
    found += [NodeRole(_id(each), LedgerNode.Role.OBSERVER) for each in observers]
    return sorted(found, key=lambda each: each.consensus_id)


def _check_content(type_: int, arguments: dict[str, Any]) -> None:
    node_id = arguments.get("node")
    if node_id is not None and (len(node_id) != 128 or set(node_id) - set("0123456789abcdef")):
        raise InvalidAction(reason=_("a node's id is 128 small hexadecimal digits"))
    if type_ == 12 and max(arguments.values()) > 100:
        raise InvalidAction(reason=_("a rate is a percentage"))
    if type_ == 21 and arguments["deploy_type"] not in {fisco.WHITE_LIST, fisco.BLACK_LIST}:
        raise InvalidAction(reason=_("1 is the white list, 2 the black list"))
    if type_ == 51 and not arguments["add"] and arguments["weight"] == 0:
        raise InvalidAction(reason=_("a sealer's weight is at least 1"))
    if type_ == 41 and len(arguments["key"]) < 2:
        raise InvalidAction(reason=_("a configuration key has at least two letters"))


def _actions(type_: int, kept: CommitteeProposal | None) -> tuple[Action, ...] | None:
    if kept is None or kept.arguments is None:
        return None
    return (Action(str(type_), kept.arguments),)


def _info(number: int, values: Any) -> Info:
    resource, proposer, type_, deadline, status, agree, against = values
    votes = rules.Votes(tuple(agree), tuple(against))
    return Info(number, resource, proposer, type_, deadline, status, votes)


def _number(proposal_id: str) -> int:
    if not proposal_id.isdecimal():
        raise UnknownProposal(proposal=proposal_id)
    return int(proposal_id)


def _id(listed: Any) -> str:
    return str(listed["nodeID"] if isinstance(listed, dict) else listed).lower().removeprefix("0x")


def _weight(listed: Any) -> int:
    return int(listed.get("weight", 1)) if isinstance(listed, dict) else 1
