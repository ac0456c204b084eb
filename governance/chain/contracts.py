"""The contracts as objects, and the texts they know members and networks by."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from web3 import Web3
from web3.contract import Contract

from governance.chain import ledger as gateway
from governance.chain.errors import InvalidChainText
from governance.chain.models import Ledger
from governance.contracts import artifact
from governance.contracts.codec import patient_codec

SEATS, GOVERNOR, REGISTRY = "Seats", "ConsortiumGovernor", "NodeRegistry"
TIMELOCK, BREAK_GLASS, ANCHORS = "TimelockController", "BreakGlass", "EpochAnchors"

# The timelock's roles: who administers it, may have things carried out, may stop them, may carry them out.
ADMIN_ROLE = "0x" + "00" * 32
PROPOSER_ROLE, CANCELLER_ROLE, EXECUTOR_ROLE = (
    Web3.keccak(text=f"{name}_ROLE").to_0x_hex() for name in ("PROPOSER", "CANCELLER", "EXECUTOR")
)
GOVERNORS_ROLES = (PROPOSER_ROLE, CANCELLER_ROLE, EXECUTOR_ROLE)  # the governor in office has them, alone

_MEMBER_ID = re.compile(r"[0-9A-Z]{18}")
_SLUG = re.compile(r"[a-z0-9-]{1,32}")


def seats(ledger: Ledger, client: Web3 | None = None) -> Contract:
    """The Seats contract; connects as :func:`governance.chain.ledger.web3` does unless handed a client."""
    return _at(ledger.seats, SEATS, client or gateway.web3(ledger))


def governor(ledger: Ledger, client: Web3 | None = None, *, address: str = "") -> Contract:
    """The governor in office, or the one at ``address``; see :func:`seats`."""
    return _at(address or ledger.governor, GOVERNOR, client or gateway.web3(ledger))


def registry(ledger: Ledger, client: Web3 | None = None) -> Contract:
    """The NodeRegistry contract; see :func:`seats`."""
    return _at(ledger.registry, REGISTRY, client or gateway.web3(ledger))


def timelock(ledger: Ledger, client: Web3 | None = None) -> Contract:
    """The timelock, which carries out what was decided; see :func:`seats`."""
    return _at(ledger.timelock, TIMELOCK, client or gateway.web3(ledger))


def break_glass(ledger: Ledger, client: Web3 | None = None, *, address: str = "") -> Contract:
    """The guardians' contract, or the one at ``address``; see :func:`seats`. There need not be one."""
    return _at(address or ledger.break_glass, BREAK_GLASS, client or gateway.web3(ledger))


def anchors(ledger: Ledger, client: Web3 | None = None) -> Contract:
    """The contract that keeps the heads of the lists' logs; see :func:`seats`. There need not be one."""
    return _at(ledger.anchors, ANCHORS, client or gateway.web3(ledger))


@cache
def offline(name: str) -> Any:
    """The contract's class without address or connection: to encode and decode only.

    Text that is no UTF-8 decodes to U+FFFD in place of what can't be read: anybody with a seat can put such a
    text on the ledger, and no reader may fail over it.
    """
    return _patient().eth.contract(abi=artifact(name)["abi"])


def member_id_bytes(uscc: str) -> bytes:
    """An institution's USCC (18 digits and capitals) as the contracts' bytes32."""
    if not _MEMBER_ID.fullmatch(uscc):
        raise InvalidChainText(value=uscc, reason=_("a USCC has 18 digits and capital letters."))
    return uscc.encode("ascii").ljust(32, b"\0")


def network_bytes(slug: str) -> bytes:
    """A network's slug as the contracts' bytes32."""
    if not _SLUG.fullmatch(slug):
        raise InvalidChainText(
            value=slug, reason=_("a network's name has up to 32 small letters, digits and hyphens.")
        )
    return slug.encode("ascii").ljust(32, b"\0")


def text(code: bytes | str) -> str:
    """The USCC or slug in a bytes32 (bytes, or 0x-hex)."""
    raw = bytes.fromhex(code.removeprefix("0x")) if isinstance(code, str) else bytes(code)
    return raw.rstrip(b"\0").decode("ascii")


@cache
def _patient() -> Web3:
    client = Web3()
    client.codec = patient_codec()
    return client


def _at(address: str, name: str, client: Web3) -> Contract:
    return client.eth.contract(address=Web3.to_checksum_address(address), abi=artifact(name)["abi"])
