"""The alliance's contracts: Solidity sources, their lock file, and the compiled artifacts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

ARTIFACTS: Final = Path(__file__).resolve().parent / "artifacts"
# Each contract that is deployed, and the file that it is in, as the compiler names it.
SOURCES: Final = {
    "Seats": "Seats.sol",
    "ConsortiumGovernor": "ConsortiumGovernor.sol",
    "TimelockController": "@openzeppelin/contracts/governance/TimelockController.sol",
    "NodeRegistry": "NodeRegistry.sol",
    "BreakGlass": "BreakGlass.sol",
    "EpochAnchors": "EpochAnchors.sol",
}
NAMES: Final = tuple(SOURCES)
SIZE_LIMIT: Final = 24_576  # bytes of deployed code, EIP-170


@cache
def artifact(name: str) -> dict[str, Any]:
    """The compiled contract `name`: `abi` (list), `bytecode` (0x…, to be deployed), and how it was compiled.

    Cached and shared: do not change it. Raises KeyError for a name that is none of NAMES.
    """
    if name not in NAMES:
        raise KeyError(name)
    loaded: dict[str, Any] = json.loads((ARTIFACTS / f"{name}.json").read_text("utf-8"))
    return loaded
