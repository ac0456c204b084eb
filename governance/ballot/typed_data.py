"""The EIP-712 ballot: what a member signs, and who signed it. Pure; the console checks with the same lines.

The governor's ``castVoteBySig`` (OpenZeppelin Governor 5) takes the fields of ``Ballot`` under the domain of
its own chain id and address, so a ballot counts in one proposal, on one ledger, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data

DOMAIN_NAME: Final = "Consortium Governor"
DOMAIN_VERSION: Final = "1"
TYPES: Final[dict[str, list[dict[str, str]]]] = {
    "Ballot": [
        {"name": "proposalId", "type": "uint256"},
        {"name": "support", "type": "uint8"},
        {"name": "voter", "type": "address"},
        {"name": "nonce", "type": "uint256"},
    ]
}
SIGNATURE_LENGTH: Final = 65  # bytes: r, s, v
_HEXADECIMAL = re.compile(r"(0x)?([0-9a-fA-F]{2})*")
# Above half the curve's order a second signature of the same ballot would do; the governor refuses those.
HIGHEST_S: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class Support(IntEnum):
    """A vote, as the governor numbers it."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


class BadSignature(Exception):
    """Not 65 bytes of hex, or not a signature that the governor would recover a signer from."""


def keyed_nonce(proposal_id: int) -> int:
    """The number that a ballot carries (OpenZeppelin's ``NoncesKeyed``): nobody needs to ask the ledger.

    Each proposal has numbers of its own, so that ballots don't wait for each other; as a voter votes once
    on it, the first of them is the only one.
    """
    return (proposal_id % 2**192) << 64


@dataclass(frozen=True)
class Ballot:
    """One member's vote in one proposal of one governor. Addresses in EIP-55 form."""

    chain_id: int
    governor: str
    proposal_id: int
    support: int
    voter: str
    nonce: int

    @property
    def domain(self) -> dict[str, Any]:
        return {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": self.chain_id,
            "verifyingContract": self.governor,
        }

    @property
    def message(self) -> dict[str, Any]:
        return {
            "proposalId": self.proposal_id,
            "support": self.support,
            "voter": self.voter,
            "nonce": self.nonce,
        }


def signable(ballot: Ballot) -> SignableMessage:
    """What is hashed and signed (EIP-712, version 0x01)."""
    return encode_typed_data(domain_data=ballot.domain, message_types=TYPES, message_data=ballot.message)


class Signature(Protocol):
    @property
    def signature(self) -> bytes: ...


class Signer(Protocol):
    """A key that signs: eth_account's ``LocalAccount``, or one in a device."""

    @property
    def address(self) -> str: ...

    def sign_message(self, message: SignableMessage, /) -> Signature: ...


def sign(ballot: Ballot, key: Signer) -> str:
    """The member's signature, 0x-hex, 65 bytes. A keystore's is deterministic (RFC 6979): twice the same."""
    return "0x" + bytes(key.sign_message(signable(ballot)).signature).hex()


def recover(ballot: Ballot, signature: str) -> str:
    """The address (EIP-55) that signed exactly this ballot. Raises BadSignature."""
    raw = _signature_bytes(signature)
    try:
        return str(Account.recover_message(signable(ballot), signature=raw))
    except Exception as error:  # eth_keys' errors for impossible points share no base
        raise BadSignature(str(error)) from error


def _signature_bytes(signature: str) -> bytes:
    if not _HEXADECIMAL.fullmatch(signature):  # bytes.fromhex would pass over blanks
        raise BadSignature("not hexadecimal")
    raw = bytes.fromhex(signature.removeprefix("0x"))
    if len(raw) != SIGNATURE_LENGTH or raw[64] not in (27, 28):
        raise BadSignature("not 65 bytes ending in 1b or 1c")
    if int.from_bytes(raw[32:64]) > HIGHEST_S:
        raise BadSignature("not in its canonical form")
    return raw
