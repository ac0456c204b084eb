"""What the ledger would answer if a proposal were carried out now: an ``eth_call`` as the timelock.

The timelock's own batch function is called, with one slot of its storage overridden so that it takes the
batch for one whose time has come: every call runs on what those before it left, as in the real execution.
The governor takes calls from the timelock only while it carries out a vote that contains them; so the list
that it keeps of them is overridden too, as ``Governor.execute`` fills it. A node that knows no overrides is
asked call by call, and the governor's own calls stay untried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_abi.abi import encode
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import TxParams

from governance.chain import contracts
from governance.chain import ledger as gateway
from governance.chain.calls import Call
from governance.chain.models import Ledger
from governance.contracts.errors import Refusal, decode
from governance.proposals import wording

# Storage slot of the governor's deque of calls to itself; its mapping from places to hashes is the next one.
_GOVERNANCE_CALL = 5
_TIMESTAMPS = 1  # storage slot of TimelockController's mapping from an operation to the time it may be run
_READY = "0x" + "00" * 31 + "02"  # a time long past; 1 would mean that it was done
_NOTHING = bytes(32)
_NOT_READY = "TimelockUnexpectedOperationState"
_NO_ROLE = "AccessControlUnauthorizedAccount"


class Verdict(StrEnum):
    WORKS = "works"
    REFUSED = "refused"  # as the ledger is now, carrying it out would fail
    UNKNOWN = "unknown"  # nothing in it can be tried beforehand


@dataclass(frozen=True)
class Simulation:
    """``step`` is the call that fails, from 1; ``together``: the calls were tried as one, each on the last.

    ``untried`` are calls, from 1, that the governor takes from nobody but a vote under way: only where the
    node knows no overrides.
    """

    verdict: Verdict
    step: int | None = None
    error_code: str = ""
    sentence: str = ""
    together: bool = True
    untried: tuple[int, ...] = ()


def simulate(ledger: Ledger, compiled: Sequence[Call], *, governor: str = "") -> Simulation:
    """Carry the calls out in thought, on the ledger as it is now. Raises LedgerUnreachable, OtherLedger.

    ``governor``: by default the one in office; from another the timelock takes nothing.
    """
    governor = governor or ledger.governor
    run = _Run(gateway.web3(ledger), ledger, governor)
    failed = run.batch(compiled)
    if failed is _WORKS:
        return Simulation(Verdict.WORKS)
    together = failed is not _NO_OVERRIDES
    own = tuple(place for place, call in enumerate(compiled, start=1) if call.target == governor)
    untried = () if together else own
    found = _first_together(run, compiled) if together else _first_alone(run, compiled, untried)
    if found is not None:
        place, refusal = found
        name = refusal.name if refusal else ""
        return Simulation(Verdict.REFUSED, place, name, wording.refusal(refusal), together, untried)
    verdict = Verdict.UNKNOWN if len(untried) == len(compiled) else Verdict.WORKS
    return Simulation(verdict, together=together, untried=untried)


_Found = tuple[int, Refusal | None] | None


def _first_together(run: _Run, compiled: Sequence[Call]) -> _Found:
    """The first call that is refused after those before it."""
    for count in range(1, len(compiled) + 1):
        answer = run.batch(compiled[:count])
        if answer is not _WORKS:
            return count, answer
    return None


def _first_alone(run: _Run, compiled: Sequence[Call], untried: Sequence[int]) -> _Found:
    """The first call that is refused, each for itself; the first of all where the governor is not heard."""
    barred = run.barred(compiled)
    if barred is not None:
        return 1, barred
    for place, call in enumerate(compiled, start=1):
        answer = _WORKS if place in untried else run.alone(call)
        if answer is not _WORKS:
            return place, answer
    return None


# Told apart by identity: no contract has an error without a name.
_WORKS, _NO_OVERRIDES = Refusal("", {}), Refusal("", {})


class _Run:
    def __init__(self, client: Web3, ledger: Ledger, governor: str) -> None:
        self._client, self._timelock = client, Web3.to_checksum_address(ledger.timelock)
        self._governor = Web3.to_checksum_address(governor)

    def batch(self, compiled: Sequence[Call]) -> Refusal | None:
        content = _content(compiled)
        operation = Web3.keccak(encode(["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"], content))
        slot = Web3.keccak(encode(["bytes32", "uint256"], [operation, _TIMESTAMPS]))
        overrides = {self._timelock: {"stateDiff": {slot.to_0x_hex(): _READY}}}
        expected = [call for call in compiled if call.target == self._governor]
        if expected:
            overrides[self._governor] = {"stateDiff": _expecting(expected)}
        return self._ask(self._carried_out(content), overrides)

    def barred(self, compiled: Sequence[Call]) -> Refusal | None:
        """The timelock's refusal of a governor that has left office: it looks at who asks, then at what."""
        answer = self._ask(self._carried_out(_content(compiled)))
        return answer if answer is not None and answer.name == _NO_ROLE else None

    def _carried_out(self, content: _Content) -> TxParams:
        """The timelock executes for the governor alone."""
        data = contracts.offline(contracts.TIMELOCK).encode_abi("executeBatch", args=list(content))
        return {"from": self._governor, "to": self._timelock, "data": HexStr(data)}

    def alone(self, call: Call) -> Refusal | None:
        target = Web3.to_checksum_address(call.target)
        return self._ask({"from": self._timelock, "to": target, "data": HexStr(call.data)})

    def _ask(self, call: TxParams, overrides: Any = None) -> Refusal | None:
        """``_WORKS``, the typed error, or None for a refusal without one."""
        try:
            self._client.eth.call(call, "pending", overrides)
        except ContractLogicError as error:
            data = error.data
            found = decode(data) if isinstance(data, str) and data.startswith("0x") else None
            ignored = overrides is not None and found is not None and found.name == _NOT_READY
            return _NO_OVERRIDES if ignored else found
        except Web3Exception:
            if overrides is None:
                raise
            return _NO_OVERRIDES
        return _WORKS


_Content = tuple[list[str], list[int], list[bytes], bytes, bytes]


def _content(compiled: Sequence[Call]) -> _Content:
    """As the timelock knows a batch."""
    return (
        [call.target for call in compiled],
        [call.value for call in compiled],
        [bytes.fromhex(call.data[2:]) for call in compiled],
        _NOTHING,
        _NOTHING,
    )


def _expecting(expected: Sequence[Call]) -> dict[str, str]:
    """The governor's queue of its own calls, as slots: where it begins and ends, then each call's hash."""
    slots = {_word(_GOVERNANCE_CALL): _word(len(expected) << 128)}
    for place, call in enumerate(expected):
        where = Web3.keccak(encode(["uint128", "uint256"], [place, _GOVERNANCE_CALL + 1]))
        slots[where.to_0x_hex()] = Web3.keccak(hexstr=HexStr(call.data)).to_0x_hex()
    return slots


def _word(number: int) -> str:
    return f"0x{number:064x}"
