"""The contracts of a committee ledger: compiled here, or the chain's own out of FISCO_CONTRACTS_DIR.

With FISCO_CONTRACTS_DIR set to a folder that holds ``CommitteeManager.bin`` (creation code in hex, as solc
and FISCO-BCOS/bcos-auth have it), that contract is placed on the ledger instead of ours, with all that it
creates; no test knows the difference. The precompiles are stand-ins in either case: a node has them inside.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from web3 import Web3
from web3.types import RPCEndpoint

from governance.contracts import fisco, node
from governance.contracts.compile import SETTINGS

HOME = Path(__file__).parent / "contracts"
GENERATED = "0x00000000000000000000000000000000000fa000"  # sends what no person sends
STAND_INS = {
    fisco.SYSTEM_CONFIG: "SystemConfig",
    fisco.CONSENSUS: "Consensus",
    fisco.CONTRACT_AUTH: "ContractAuth",
    fisco.ACCOUNT_MANAGER: "AccountManager",
}


@cache
def compiled() -> dict[str, dict[str, Any]]:
    """Creation code, runtime code and ABI by contract's name, of what lies in ``contracts``."""
    node.ensure_installed()
    request = {
        "language": "Solidity",
        "sources": {path.name: {"content": path.read_text("utf-8")} for path in HOME.glob("*.sol")},
        "settings": {
            **SETTINGS,
            "outputSelection": {
                "*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]},
            },
        },
    }
    command = [*node.node_command(), str(node.NODE_MODULES / "solc" / "solc.js"), "--standard-json"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
        subprocess.run(command, input=json.dumps(request), stdout=answer, text=True, check=True)
        answer.seek(0)
        text = answer.read()
    output = json.loads(text[text.index("{") :])
    assert not output.get("errors"), output["errors"]
    return {name: made for file in output["contracts"].values() for name, made in file.items()}


def creation_code(name: str = "CommitteeManager") -> str:
    """Creation code in hex: the chain's own where FISCO_CONTRACTS_DIR has it, else ours."""
    folder = os.environ.get("FISCO_CONTRACTS_DIR")
    if folder:
        return (Path(folder) / f"{name}.bin").read_text("ascii").strip().removeprefix("0x")
    return str(compiled()[name]["evm"]["bytecode"]["object"])


def place(ledger: Web3, governors: dict[str, int], *, rates: tuple[int, int], sealers: list[str]) -> None:
    """Put a committee with these governors' weights and (participation, win) rates where a chain has it."""
    for address, name in STAND_INS.items():
        _ask(ledger, "anvil_setCode", address, "0x" + compiled()[name]["evm"]["deployedBytecode"]["object"])
    begin = ledger.eth.contract(address=Web3.to_checksum_address(fisco.CONSENSUS), abi=abi("Consensus"))
    _send(ledger, fisco.CONSENSUS, begin.encode_abi("begin", args=[sealers]))
    weights = list(governors.values())
    arguments = encode(["address[]", "uint32[]", "uint8", "uint8"], [list(governors), weights, *rates])
    _construct(ledger, fisco.COMMITTEE_MANAGER, creation_code() + arguments.hex())


def abi(name: str) -> list[dict[str, Any]]:
    return list(compiled()[name]["abi"])


def _construct(ledger: Web3, address: str, code: str) -> None:
    """Run a constructor *at* ``address``: what it creates then belongs to that address, as on the chain.

    Creation code that is called as if it were the contract runs the constructor there, and answers with the
    code to be.
    """
    _ask(ledger, "anvil_setCode", address, "0x" + code)
    made = ledger.eth.call(
        {
            "from": Web3.to_checksum_address(_sender(ledger)),
            "to": Web3.to_checksum_address(address),
            "gas": 29_000_000,
        }
    )
    _send(ledger, address, "0x")
    _ask(ledger, "anvil_setCode", address, made.to_0x_hex())


def _send(ledger: Web3, to: str, data: str) -> None:
    sent = _ask(
        ledger,
        "eth_sendTransaction",
        {"from": _sender(ledger), "to": to, "data": data, "gas": hex(29_000_000), "gasPrice": "0x0"},
    )
    assert ledger.eth.wait_for_transaction_receipt(sent)["status"] == 1


def _sender(ledger: Web3) -> Any:
    _ask(ledger, "anvil_impersonateAccount", GENERATED)
    _ask(ledger, "anvil_setBalance", GENERATED, "0x56bc75e2d63100000")
    return GENERATED


def _ask(ledger: Web3, method: str, *arguments: Any) -> Any:
    answer = ledger.provider.make_request(RPCEndpoint(method), list(arguments))
    assert "error" not in answer, answer
    return answer["result"]
