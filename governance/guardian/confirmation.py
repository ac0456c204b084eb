"""What a guardian signs (EIP-712), and the file in which it travels. Pure; the console checks with it, too.

The contract ``BreakGlass`` takes the fields of each message under the domain of its own chain id and address,
with a nonce of the matter's own: a confirmation counts in one matter, on one ledger, once.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.address import is_checksum_address

DOMAIN_NAME: Final = "Consortium Break-Glass"
DOMAIN_VERSION: Final = "1"
# Half the order of secp256k1 (EIP-2): each signature has a twin with the s above it.
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_END: Final = [
    {"name": "reasonHash", "type": "bytes32"},
    {"name": "guardian", "type": "address"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]


class BadConfirmation(Exception):
    """A file that holds no confirmation, or one that its guardian did not sign."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What both kinds say. Addresses in EIP-55 form; ``deadline`` in the unit of the ledger's clock."""

    kind: ClassVar[str]
    types: ClassVar[dict[str, list[dict[str, str]]]]

    chain_id: int
    contract: str
    reason: str
    guardian: str
    nonce: int
    deadline: int

    @property
    def reason_hash(self) -> bytes:
        return reason_hash(self.reason)

    def message(self) -> dict[str, Any]:
        """The fields that are signed, as the contract names them."""
        return {
            **self.matter(),
            "reasonHash": self.reason_hash,
            "guardian": self.guardian,
            "nonce": self.nonce,
            "deadline": self.deadline,
        }

    def matter(self) -> dict[str, Any]:
        """The fields in which the kinds differ."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Freeze(Confirmation):
    """That a node be frozen; ``network`` is its slug, ``consensus_id`` 128 hex."""

    kind = "freeze"
    types: ClassVar = {
        "FreezeConfirmation": [
            {"name": "network", "type": "bytes32"},
            {"name": "consensusId", "type": "bytes"},
            *_END,
        ]
    }

    network: str
    consensus_id: str

    def matter(self) -> dict[str, Any]:
        network = self.network.encode("ascii").ljust(32, b"\0")
        return {"network": network, "consensusId": bytes.fromhex(self.consensus_id)}


@dataclass(frozen=True, kw_only=True)
class Cancel(Confirmation):
    """That a proposal be cancelled; the contract takes its content, of which ``proposal_id`` is the hash."""

    kind = "cancel"
    types: ClassVar = {"CancelConfirmation": [{"name": "proposalId", "type": "uint256"}, *_END]}

    proposal_id: int
    targets: list[str]
    values: list[int]
    calldatas: list[str]
    description: str

    def matter(self) -> dict[str, Any]:
        return {"proposalId": self.proposal_id}


_KINDS: Final[dict[str, type[Freeze] | type[Cancel]]] = {"freeze": Freeze, "cancel": Cancel}


def reason_hash(reason: str) -> bytes:
    """SHA-256 of the reason as UTF-8: what the ledger keeps of it."""
    return hashlib.sha256(reason.encode()).digest()


def signable(confirmation: Confirmation) -> SignableMessage:
    """What is hashed and signed (EIP-712, version 0x01)."""
    domain = {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": confirmation.chain_id,
        "verifyingContract": confirmation.contract,
    }
    return encode_typed_data(
        domain_data=domain, message_types=confirmation.types, message_data=confirmation.message()
    )


def recover(confirmation: Confirmation, signature: str) -> str:
    """The address (EIP-55) that signed exactly this, in the form that the contract takes.

    Raises BadConfirmation.
    """
    _require_canonical(signature)
    try:
        return str(Account.recover_message(signable(confirmation), signature=signature))
    except Exception as error:  # eth_keys' and eth_abi's errors share no base
        raise BadConfirmation(str(error)) from error


def _require_canonical(signature: str) -> None:
    """65 bytes, the lower of the two s, and v 27 or 28: of every signature the ledger takes one form only."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError as error:
        raise BadConfirmation(str(error)) from error
    if len(raw) != 65 or raw[64] not in (27, 28) or int.from_bytes(raw[32:64], "big") > _HALF_ORDER:
        raise BadConfirmation("the signature is not in the form that the contract takes")


def body(confirmation: Confirmation, signature: str) -> dict[str, Any]:
    """The file's content, for JSON. Whole numbers that JSON readers may round are text."""
    content = {
        key: str(value) if type(value) is int else value for key, value in asdict(confirmation).items()
    }
    if isinstance(confirmation, Cancel):
        content["values"] = [str(value) for value in confirmation.values]
    return {"kind": confirmation.kind, **content, "signature": signature}


def read(content: object) -> tuple[Freeze | Cancel, str]:
    """The confirmation of a file and its signature, which is the guardian's. Raises BadConfirmation."""
    try:
        confirmation, signature = _parsed(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadConfirmation(str(error)) from error
    if not all(is_checksum_address(each) for each in (confirmation.contract, confirmation.guardian)):
        raise BadConfirmation("an address is none")
    if recover(confirmation, signature) != confirmation.guardian:
        raise BadConfirmation("signed by somebody else, or something else was signed")
    return confirmation, signature


def _parsed(content: object) -> tuple[Freeze | Cancel, str]:
    if not isinstance(content, dict):
        raise TypeError("no object")
    given = dict(content)
    kind, signature = _KINDS[given.pop("kind")], given.pop("signature")
    bytes.fromhex(signature.removeprefix("0x"))
    for name in ("chain_id", "nonce", "deadline", "proposal_id"):
        if name in given:
            given[name] = int(given[name])
    if "values" in given:
        given["values"] = [int(value) for value in given["values"]]
    return kind(**given), signature
