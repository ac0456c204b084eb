"""What the guardians have begun, in words; and what one of them would sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from consortium.members.models import Institution, User
from governance.ballot import words
from governance.chain import calls, confirmations, guardians
from governance.chain import ledger as gateway
from governance.chain.calls import Call
from governance.chain.errors import UnknownCall
from governance.chain.guardians import Guardians, Round
from governance.chain.models import Ledger, RegistryEntry, RelayTransaction
from governance.guardian.confirmation import Cancel, Freeze, signable
from governance.proposals.models import Proposal

_SHOWN = 20  # of what was handed in last
_DIGITS = 10  # of a node's id at each end


@dataclass(frozen=True)
class FrozenRow:
    """A node that is frozen; ``vote`` is the proposal in which members ratify it."""

    entry: RegistryEntry
    institution: Institution | None
    vote: Proposal | None
    seconds_left: int | None


@dataclass(frozen=True)
class RoundRow:
    """What some guardians have confirmed; ``seconds_left`` is for the others."""

    round: Round
    matter: str
    proposal: Proposal | None
    seconds_left: int
    left_out: int


@dataclass(frozen=True)
class RelayRow:
    """A confirmation that was handed in here, and how far it is."""

    relay: RelayTransaction
    matter: str
    guardian: str


@dataclass(frozen=True)
class Overview:
    guardians: Guardians
    frozen: list[FrozenRow]
    rounds: list[RoundRow]
    relayed: list[RelayRow]


def may_hand_in(account: User) -> bool:
    """A member's officers and the secretariat; the regulator reads."""
    return account.is_member or account.is_secretariat


def handed_in() -> list[RelayTransaction]:
    """The confirmations that were handed in last, the newest first."""
    return list(RelayTransaction.objects.filter(key__startswith=confirmations.PREFIX)[:_SHOWN])


def overview(ledger: Ledger, now: datetime) -> Overview:
    """In a number of queries that does not depend on how much there is. Raises NoGuardians,
    LedgerUnreachable."""
    named = guardians.in_office(ledger)
    begun, frozen = guardians.rounds(ledger, now), guardians.freezes(ledger, now)
    relayed = handed_in()
    told = [_told(row) for row in relayed]
    ids = {one.proposal_id for one in begun} | {one.proposal_id for one in frozen}
    ids |= {str(one.get("proposalId", "")) for one in told}
    nodes = {one.consensus_id for one in begun} | {one.entry.consensus_id for one in frozen}
    nodes |= {_node(one) for one in told}
    names = _Names.of(ledger, ids - {""}, nodes - {""})
    return Overview(
        guardians=named,
        frozen=[_frozen(one, names, now) for one in frozen],
        rounds=[_round(one, names, now) for one in begun],
        relayed=[
            RelayRow(row, names.matter(arguments), str(arguments.get("guardian", "")))
            for row, arguments in zip(relayed, told, strict=True)
        ],
    )


@dataclass(frozen=True)
class _Names:
    """Whose node a registry entry is, and which proposal an id on chain."""

    entries: dict[tuple[str, str], RegistryEntry]
    institutions: dict[str, Institution]
    proposals: dict[str, Proposal]

    @classmethod
    def of(cls, ledger: Ledger, proposal_ids: set[str], nodes: set[str]) -> _Names:
        entries = RegistryEntry.objects.filter(ledger=ledger, consensus_id__in=nodes)
        institutions = Institution.objects.filter(uscc__in=entries.values("member_id"))
        proposals = Proposal.objects.filter(chain_proposal_id__in=proposal_ids)
        return cls(
            {(entry.network, entry.consensus_id): entry for entry in entries},
            {one.uscc: one for one in institutions},
            {one.chain_proposal_id: one for one in proposals},
        )

    def owner(self, network: str, consensus_id: str) -> Institution | None:
        entry = self.entries.get((network, consensus_id))
        return None if entry is None else self.institutions.get(entry.member_id)

    def matter(self, arguments: dict[str, Any]) -> str:
        """In a sentence, from a call's arguments."""
        if "consensusId" in arguments:
            return self.freeze(str(arguments["network"]), _node(arguments))
        return self.cancel(str(arguments.get("proposalId", "")))

    def freeze(self, network: str, node: str) -> str:
        values = {"network": network, "node": shortened(node), "member": self.owner(network, node) or "–"}
        return _("Freeze node %(node)s of %(member)s in %(network)s") % values

    def cancel(self, proposal_id: str) -> str:
        found = self.proposals.get(proposal_id)
        return _("Cancel proposal %(proposal)s") % {"proposal": found or shortened(proposal_id)}


def _node(arguments: dict[str, Any]) -> str:
    return str(arguments.get("consensusId", "")).removeprefix("0x")


def shortened(value: str) -> str:
    return value if len(value) <= 2 * _DIGITS else f"{value[:_DIGITS]}…{value[-_DIGITS:]}"


def _frozen(one: guardians.Freeze, names: _Names, now: datetime) -> FrozenRow:
    entry = one.entry
    ends = None if entry.freeze_ratified else entry.frozen_until
    left = None if ends is None else max(0, int((ends - now).total_seconds()))
    owner = names.institutions.get(entry.member_id)
    return FrozenRow(entry, owner, names.proposals.get(one.proposal_id), left)


def _round(one: Round, names: _Names, now: datetime) -> RoundRow:
    matter = names.freeze(one.network, one.consensus_id) if one.network else names.cancel(one.proposal_id)
    left = max(0, int((one.ends_at - now).total_seconds()))
    missing = one.needed - len(one.guardians)
    return RoundRow(one, matter, names.proposals.get(one.proposal_id), left, missing)


def _told(row: RelayTransaction) -> dict[str, Any]:
    """A relayed confirmation's arguments; a cancellation's with the proposal that its content makes."""
    try:
        name, arguments = calls.decode(Call(row.to, 0, row.data))
    except (UnknownCall, ValueError):
        return {}
    if name == "confirmCancelBySig":
        return {**arguments, "proposalId": _cancelled(arguments)}
    return dict(arguments)


def _cancelled(arguments: dict[str, Any]) -> str:
    """The id on chain that a content makes."""
    content = arguments["content"]
    data = [_raw(one) for one in content["calldatas"]]
    parts = [content["targets"], content["values"], data, _raw(content["descriptionHash"])]
    return str(int.from_bytes(keccak(encode(["address[]", "uint256[]", "bytes[]", "bytes32"], parts))))


def _raw(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


# --- What is signed -----------------------------------------------------------------------------------------
def for_wallet(confirmation: Freeze | Cancel) -> dict[str, Any]:
    """As ``eth_signTypedData_v4`` takes it. Large numbers are text: JSON's end at 2^53 for a browser."""
    kinds = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in kinds.items()],
            **confirmation.types,
        },
        "primaryType": next(iter(confirmation.types)),
        "domain": {
            "name": "Consortium Break-Glass",
            "version": "1",
            "chainId": confirmation.chain_id,
            "verifyingContract": confirmation.contract,
        },
        "message": {name: _plain(value) for name, value in confirmation.message().items()},
    }


def digest(confirmation: Freeze | Cancel) -> str:
    """The 32 bytes that are signed, 0x-hex."""
    parts = signable(confirmation)
    return "0x" + keccak(b"\x19" + parts.version + parts.header + parts.body).hex()


def until(ledger: Ledger, confirmation: Freeze | Cancel) -> datetime:
    """The last moment at which the signature counts."""
    return datetime.fromtimestamp(confirmation.deadline // ledger.ticks_per_second, UTC)


def reason_lines(reason: str) -> list[str]:
    return [words.printable(line) for line in reason.splitlines()]


def command(ledger: Ledger, confirmation: Freeze | Cancel) -> str:
    """What a guardian runs where the key is; every word of it is ours, so it is safe to paste."""
    matter = (
        f"freeze --network {confirmation.network} \\\n  --node {confirmation.consensus_id}"
        if isinstance(confirmation, Freeze)
        else f"cancel --proposal {confirmation.proposal_id}"
    )
    return (
        f".venv/bin/python -m governance.guardian {matter} \\\n  --ledger {gateway.shown_addresses()[0]} "
        f"--governor {ledger.governor} \\\n  --keystore keystore.json --passphrase-file passphrase \\\n"
        f"  --reason why.txt --out confirmation.json"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if isinstance(value, int) else value
