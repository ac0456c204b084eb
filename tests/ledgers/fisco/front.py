"""What a FISCO BCOS node does otherwise than anvil, between the console and anvil: a real server, real HTTP.

Written to the published behaviour: getLogs covers ten blocks whatever is asked; getters and calls answer for
the latest block whatever is asked; typed transactions and senders without a balance are refused; some methods
are not there; and the node's own JSON-RPC has the lists of sealers and observers.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from web3 import Web3

from governance.contracts import fisco
from tests.ledgers.fisco import build

COVERED = 10
_ABSENT = {"eth_feeHistory", "eth_getBlockReceipts", "debug_traceTransaction"}
_BLOCK_TAG = {
    "eth_call": 1,
    "eth_getBalance": 1,
    "eth_getTransactionCount": 1,
    "eth_getCode": 1,
    "eth_estimateGas": 1,
    "eth_getStorageAt": 2,
}


class Front:
    """The node as the console sees it. ``asked``: methods; ``log_ranges``: what getLogs was asked for."""

    def __init__(self, ledger_url: str) -> None:
        self.ledger_url = ledger_url
        self.ledger = Web3(Web3.HTTPProvider(ledger_url))
        self.asked: list[str] = []
        self.log_ranges: list[int] = []
        self.away = False  # answers 503, as a node that is starting does
        self._http = httpx.Client(trust_env=False, timeout=20)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._http.close()

    def forget(self) -> None:
        self.asked, self.log_ranges, self.away = [], [], False

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        method, params = question["method"], list(question.get("params") or [])
        self.asked.append(method)
        if method in {"getSealerList", "getObserverList"}:
            return self._reply(question, self._node_list(method))
        if method in _ABSENT:
            return self._error(question, -32601, "the method does not exist")
        if method == "eth_sendRawTransaction" and (why := self._refusal(params[0])):
            return self._error(question, -32000, why)
        if method in _BLOCK_TAG and len(params) > _BLOCK_TAG[method]:
            params[_BLOCK_TAG[method]] = "latest"
        if method == "eth_getLogs":
            params = [self._covered(params[0])]
        passed_on = {**question, "params": params}
        return dict(self._http.post(self.ledger_url, json=passed_on).json())

    def _covered(self, wanted: dict[str, Any]) -> dict[str, Any]:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        self.log_ranges.append(last - first + 1)
        return {**wanted, "toBlock": hex(min(last, first + COVERED - 1))}

    def _refusal(self, raw: str) -> str:
        if int(raw[2:4], 16) < 0xC0:
            return "only legacy transactions"
        sender = self.ledger.eth.account.recover_transaction(raw)
        return "" if self.ledger.eth.get_balance(sender) else "the sender has no balance"

    def _node_list(self, method: str) -> list[Any]:
        address = Web3.to_checksum_address(fisco.CONSENSUS)
        consensus = self.ledger.eth.contract(address=address, abi=build.abi("Consensus"))
        rows = [row for row in zip(*consensus.functions.list().call(), strict=True) if row[2]]
        if method == "getObserverList":
            return [node for node, weight, _ in rows if weight == 0]
        return [{"nodeID": node, "weight": weight} for node, weight, _ in rows if weight]

    def _reply(self, question: dict[str, Any], result: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": question.get("id"), "result": result}

    def _error(self, question: dict[str, Any], code: int, message: str) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": question.get("id"), "error": {"code": code, "message": message}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # an answer in one piece: in two, each waits for the other's acknowledgement

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                question = json.loads(self.rfile.read(length))
                if front.away:
                    self.send_error(503)
                    return
                content = json.dumps(front.answer(question)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler
