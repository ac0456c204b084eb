"""What the ledger would answer if a proposal were carried out now: an ``eth_call`` as the timelock.

The timelock's own batch function is called, with one slot of its storage overridden so that it takes the
batch for one whose time has come: every call runs on what those before it left, as in the real execution. A
node that knows no overrides is asked call by call.
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

_TIMESTAMPS = 1  # storage slot of TimelockController's mapping from an operation to the time it may be run
_READY = "0x" + "00" * 31 + "02"  # a time long past; 1 would mean that it was done
_NOTHING = bytes(32)
_NOT_READY = "TimelockUnexpectedOperationState"


class Verdict(StrEnum):
    WORKS = "works"
    REFUSED = "refused"  # as the ledger is now, carrying it out would fail
    UNKNOWN = "unknown"  # nothing in it can be tried beforehand


@dataclass(frozen=True)
class Simulation:
    """``step`` is the call that fails, from 1; ``together``: the calls were tried as one, each on the last.

    ``untried`` are calls, from 1, that the governor takes from nobody but a vote under way.
    """

    verdict: Verdict
    step: int | None = None
    error_code: str = ""
    sentence: str = ""
    together: bool = True
    untried: tuple[int, ...] = ()


def simulate(ledger: Ledger, compiled: Sequence[Call]) -> Simulation:
    """Carry the calls out in thought, on the ledger as it is now. Raises LedgerUnreachable, OtherLedger."""
    untried = tuple(place for place, call in enumerate(compiled, start=1) if call.target == ledger.governor)
    tried = [(place, call) for place, call in enumerate(compiled, start=1) if place not in untried]
    if not tried:
        return Simulation(Verdict.UNKNOWN, untried=untried)
    run = _Run(gateway.web3(ledger), ledger)
    failed = run.together([call for _, call in tried])
    together = failed != _NOT_READY
    found = _first_refused(run, tried, together) if failed is not None else None
    if found is None:
        return Simulation(Verdict.WORKS, together=together, untried=untried)
    place, refusal = found
    name = refusal.name if refusal else ""
    return Simulation(Verdict.REFUSED, place, name, wording.refusal(refusal), together, untried)


def _first_refused(
    run: _Run, tried: list[tuple[int, Call]], together: bool
) -> tuple[int, Refusal | None] | None:
    """The first call that is refused: after those before it, or each for itself."""
    for count, (place, call) in enumerate(tried, start=1):
        before = [one for _, one in tried[:count]]
        answer = run.batch(before) if together else run.alone(call)
        if answer is not _WORKS:
            return place, answer
    return None


_WORKS = Refusal("", {})  # told apart by identity: no contract has an error without a name


class _Run:
    def __init__(self, client: Web3, ledger: Ledger) -> None:
        self._client, self._timelock = client, Web3.to_checksum_address(ledger.timelock)

    def together(self, compiled: Sequence[Call]) -> str | None:
        """None where the batch works; else the error's name, empty where it has none."""
        answer = self.batch(compiled)
        if answer is _WORKS:
            return None
        return answer.name if answer else ""

    def batch(self, compiled: Sequence[Call]) -> Refusal | None:
        content = (
            [call.target for call in compiled],
            [call.value for call in compiled],
            [bytes.fromhex(call.data[2:]) for call in compiled],
            _NOTHING,
            _NOTHING,
        )
        operation = Web3.keccak(encode(["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"], content))
        slot = Web3.keccak(encode(["bytes32", "uint256"], [operation, _TIMESTAMPS]))
        data = contracts.offline(contracts.TIMELOCK).encode_abi("executeBatch", args=list(content))
        ready = {self._timelock: {"stateDiff": {slot.to_0x_hex(): _READY}}}
        return self._ask({"to": self._timelock, "data": HexStr(data)}, ready)

    def alone(self, call: Call) -> Refusal | None:
        target = Web3.to_checksum_address(call.target)
        return self._ask({"from": self._timelock, "to": target, "data": HexStr(call.data)})

    def _ask(self, call: TxParams, overrides: Any = None) -> Refusal | None:
        """``_WORKS``, the typed error, or None for a refusal without one."""
        try:
            self._client.eth.call(call, "pending", overrides)
        except ContractLogicError as error:
            data = error.data
            return decode(data) if isinstance(data, str) and data.startswith("0x") else None
        except Web3Exception:
            if overrides is None:
                raise
            return Refusal(_NOT_READY, {})  # the node takes no overrides
        return _WORKS
