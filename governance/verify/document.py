"""The bundle: what is in it, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import is_checksum_address

from governance.verify import canonical
from governance.verify.blocks import data
from governance.verify.errors import NotProven

FORMAT: Final = "consortium-bundle/1"

_PARTS: Final = {
    "format", "sha256", "ledger", "proposal", "attachments", "logs", "ballots", "lists", "acknowledgements",
}  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """What members were asked, as the console has it; all of it is held against the ledger."""

    id: int
    number: int
    text: str
    description: str
    targets: list[str]
    values: list[int]
    calldatas: list[str]


@dataclass(frozen=True)
class Ballot:
    """A ballot that was signed outside and relayed."""

    voter: str
    support: int
    signature: str


@dataclass(frozen=True)
class PermissionList:
    """One network's list: its signed metadata (The Update Framework) and the file itself, byte for byte."""

    network: str
    epoch: int
    roots: list[dict[str, Any]]
    delegation: dict[str, Any] | None  # who signs for the network; None in bundles from before it was so
    targets: dict[str, Any]
    permissions: str


@dataclass(frozen=True)
class Acknowledgement:
    """What a node said that it has in force; ``sha256`` is of the files that it read back."""

    network: str
    epoch: int
    consensus_id: str
    format: str
    sha256: str


@dataclass(frozen=True)
class Bundle:
    chain_id: int
    governor: str
    proposal: Proposal
    attachments: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    ballots: list[Ballot]
    lists: list[PermissionList]
    acknowledgements: list[Acknowledgement]

    @classmethod
    def read(cls, content: bytes) -> Bundle:
        """Raises NotProven for a file that was changed, or that holds anything else."""
        document = canonical.opened(content, FORMAT)
        if set(document) != _PARTS:
            raise NotProven("other_parts", parts=sorted(set(document) ^ _PARTS))
        try:
            return cls._read(document)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise NotProven("bundle_unreadable", reason=repr(error)) from error

    @classmethod
    def _read(cls, document: dict[str, Any]) -> Bundle:
        ledger, proposal = document["ledger"], document["proposal"]
        _only(ledger, "chain_id", "governor")
        _addresses([ledger["governor"], *proposal["targets"]])
        return cls(
            chain_id=_whole(ledger["chain_id"]),
            governor=ledger["governor"],
            proposal=_proposal(proposal),
            attachments=[_attachment(one) for one in document["attachments"]],
            logs=[_log(one) for one in document["logs"]],
            ballots=[_ballot(one) for one in document["ballots"]],
            lists=[_list(one) for one in document["lists"]],
            acknowledgements=[_acknowledgement(one) for one in document["acknowledgements"]],
        )


def _proposal(one: dict[str, Any]) -> Proposal:
    _only(one, "id", "number", "text", "description", "targets", "values", "calldatas")
    values = [_decimal(value) for value in one["values"]]
    for calldata in one["calldatas"]:
        data(calldata)
    if not len(one["targets"]) == len(values) == len(one["calldatas"]):
        raise ValueError("targets, values and calldatas are not equally many")
    return Proposal(
        _decimal(one["id"]), _whole(one["number"]), _text(one["text"]), _text(one["description"]),
        one["targets"], values, one["calldatas"],
    )  # fmt: skip


def _attachment(one: dict[str, Any]) -> dict[str, Any]:
    _only(one, "name", "sha256", "size")
    return {"name": _text(one["name"]), "sha256": _text(one["sha256"]), "size": _whole(one["size"])}


def _log(one: dict[str, Any]) -> dict[str, Any]:
    _only(one, "address", "topics", "data", "block", "block_hash", "tx_hash", "index")
    for value in (one["address"], *one["topics"], one["data"], one["block_hash"], one["tx_hash"]):
        if value != value.lower():
            raise ValueError("hexadecimal digits in capitals")
        data(value)
    _whole(one["block"])
    _whole(one["index"])
    return one


def _ballot(one: dict[str, Any]) -> Ballot:
    _only(one, "voter", "support", "signature")
    _addresses([one["voter"]])
    if one["signature"] != one["signature"].lower():
        raise ValueError("hexadecimal digits in capitals")
    return Ballot(one["voter"], _whole(one["support"]), one["signature"])


def _list(one: dict[str, Any]) -> PermissionList:
    above = ["delegation"] if "delegation" in one else []
    _only(one, "network", "epoch", "roots", *above, "targets", "permissions")
    if not all(
        isinstance(made, dict) for made in (*one["roots"], *(one[name] for name in above), one["targets"])
    ):
        raise TypeError("metadata that is no object")
    return PermissionList(
        _text(one["network"]), _whole(one["epoch"]), one["roots"], one.get("delegation"), one["targets"],
        _text(one["permissions"]),
    )  # fmt: skip


def _acknowledgement(one: dict[str, Any]) -> Acknowledgement:
    _only(one, "network", "epoch", "consensus_id", "format", "sha256")
    return Acknowledgement(
        _text(one["network"]), _whole(one["epoch"]), _text(one["consensus_id"]), _text(one["format"]),
        _text(one["sha256"]),
    )  # fmt: skip


def _only(one: dict[str, Any], *names: str) -> None:
    if set(one) != set(names):
        raise KeyError(f"expected {sorted(names)}, found {sorted(one)}")


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no whole number")
    return int(value)


def _decimal(value: Any) -> int:
    """Large numbers are text: JSON's end at 2^53 for many readers."""
    if not isinstance(value, str) or str(int(value)) != value or int(value) < 0:
        raise ValueError(f"{value!r} is no decimal number")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _addresses(values: list[str]) -> None:
    for value in values:
        if not is_checksum_address(value):
            raise ValueError(f"{value!r} is no address in EIP-55 form")
