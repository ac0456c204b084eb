"""A raw signed transaction, read: legacy, protected by chain id, canonical, its signer recovered.

Needs no ledger: all of this is in the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from django.utils.translation import gettext as _
from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError as EthUtilsValidation
from rlp.exceptions import RLPException

from governance.chain.ledgers.errors import TransactionNotLegacy, TransactionUnreadable

LARGEST = 20_000  # bytes; a call of the committee has a few hundred
_FIELDS = 9
_LEGACY_FROM = 0xC0  # an RLP list; what begins lower has a type byte (EIP-2718)
_HALF_CURVE = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, by whom; ``raw`` and ``tx_hash`` 0x-hex, addresses in EIP-55 form."""

    raw: str
    tx_hash: str
    sender: str
    chain_id: int
    nonce: int
    gas_price: int
    gas: int
    to: str
    value: int
    data: bytes


def read(raw: str) -> Signed:
    """Raises TransactionUnreadable, or TransactionNotLegacy for a kind that FISCO BCOS does not take."""
    content = _bytes(raw)
    if content[0] < _LEGACY_FROM:
        raise TransactionNotLegacy(kind=_("of type %(type)s") % {"type": content[0]})
    fields = _fields(content)
    nonce, price, gas, to, value, data, v, r, s = fields
    numbers = [_number(each) for each in (nonce, price, gas, value, v, r, s)]
    chain_id = (numbers[4] - 35) // 2
    if numbers[4] < 35:
        raise TransactionNotLegacy(kind=_("without a chain id"))
    if numbers[6] > _HALF_CURVE:
        raise TransactionUnreadable(reason=_("another form of the same signature is the canonical one"))
    if len(to) != 20:
        raise TransactionUnreadable(reason=_("it creates a contract"))
    return Signed(
        raw="0x" + content.hex(),
        tx_hash="0x" + keccak(content).hex(),
        sender=_sender(content),
        chain_id=chain_id,
        nonce=numbers[0],
        gas_price=numbers[1],
        gas=numbers[2],
        to=str(to_checksum_address(to)),
        value=numbers[3],
        data=data,
    )


def _bytes(raw: str) -> bytes:
    try:
        content = bytes.fromhex(raw.strip().removeprefix("0x"))
    except ValueError as error:
        raise TransactionUnreadable(reason=_("they are not hexadecimal")) from error
    if not content or len(content) > LARGEST:
        raise TransactionUnreadable(reason=_("%(count)s bytes") % {"count": len(content)})
    return content


def _fields(content: bytes) -> list[bytes]:
    try:
        fields: Any = rlp.decode(content, strict=True)
    except RLPException as error:
        raise TransactionUnreadable(reason=_("they are no RLP")) from error
    if not isinstance(fields, list) or len(fields) != _FIELDS:
        raise TransactionUnreadable(reason=_("they have not the nine fields of a transaction"))
    if not all(isinstance(field, bytes) for field in fields):
        raise TransactionUnreadable(reason=_("a field is a list"))
    return fields


def _number(field: bytes) -> int:
    if field[:1] == b"\0" or len(field) > 32:
        raise TransactionUnreadable(reason=_("a number is not in its shortest form"))
    return int.from_bytes(field)


def _sender(content: bytes) -> str:
    try:
        return str(Account.recover_transaction(content))
    except (BadSignature, EthUtilsValidation, ValueError, TypeError) as error:
        raise TransactionUnreadable(reason=_("its signature fits nobody")) from error
