"""JSON-RPC with as little between as possible, for tests that make very many calls."""

from __future__ import annotations

import http.client
import json
from typing import Any

from web3 import HTTPProvider, Web3

WORD = 64  # hex digits

# Ours by name, with the answer as a list of words.
Call = tuple[str, str]  # to, data


class Wire:
    """One connection to the ledger."""

    def __init__(self, ledger: Web3) -> None:
        assert isinstance(ledger.provider, HTTPProvider)
        address = str(ledger.provider.endpoint_uri).removeprefix("http://")
        self._connection = http.client.HTTPConnection(address)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, *arguments: Any) -> Any:
        answer = self._post({"jsonrpc": "2.0", "id": 0, "method": method, "params": arguments})
        assert "error" not in answer, answer
        return answer["result"]

    def send(self, sender: str, call: Call) -> bool:
        """Whether a transaction was carried out."""
        transaction = {"from": sender, "to": call[0], "data": call[1], "gas": "0x7a1200", "gasPrice": "0x0"}
        return bool(self.ask("eth_sendTransactionSync", transaction)["status"] == "0x1")

    def read(self, calls: list[Call]) -> list[list[int]]:
        """Each call's answer at the latest block, as a list of words."""
        answers = self._post(
            [
                {
                    "jsonrpc": "2.0",
                    "id": number,
                    "method": "eth_call",
                    "params": [{"to": to, "data": data}, "latest"],
                }
                for number, (to, data) in enumerate(calls)
            ]
        )
        return [words(answer["result"]) for answer in sorted(answers, key=lambda answer: int(answer["id"]))]

    def _post(self, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/", json.dumps(body).encode(), headers)
        return json.loads(self._connection.getresponse().read())


def words(data: str) -> list[int]:
    """The 32-byte words of 0x-hex."""
    text = data.removeprefix("0x")
    return [int(text[start : start + WORD], 16) for start in range(0, len(text), WORD)]


def selector(signature: str) -> str:
    """0x-hex of a function's first four bytes."""
    return Web3.keccak(text=signature)[:4].to_0x_hex()


def packed(signature: str, *arguments: int) -> str:
    """A call of a function that takes nothing but numbers."""
    return selector(signature) + "".join(f"{argument:064x}" for argument in arguments)
