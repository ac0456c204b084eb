"""A real HTTP proxy before a real ledger, for RPCs that are slow, failing, lying. Counts questions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Question = dict[str, Any]
Answer = dict[str, Any]
Lie = Callable[[Question, Answer], Answer]


class FaultyNode:
    """``url`` answers as the ledger at ``behind`` does, but for the fault it was given last.

    ``asked`` holds the questions in the order they came, those of a batch one by one; ``heard`` counts
    requests, those that a fault left without an answer too.
    """

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.asked: list[Question] = []
        self.heard = 0
        self.fault: Callable[[_Handler, bytes], bool] | None = None
        self.lies: dict[str, Lie] = {}
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def methods(self) -> list[str]:
        return [question["method"] for question in self.asked]

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    # --- Faults
    def heals(self) -> None:
        self.fault, self.lies = None, {}
        self.released.set()

    def hangs(self) -> None:
        """Takes the question and says nothing."""
        self.released.clear()
        self.fault = lambda handler, body: self.released.wait(120)

    def drips(self) -> None:
        """Sends a byte of a long answer now and then: no single read of it takes long."""

        def drip(handler: _Handler, body: bytes) -> bool:
            handler.head(200, 10_000)
            while not self.released.wait(0.05):
                handler.wfile.write(b" ")
            return True

        self.released.clear()
        self.fault = drip

    def hangs_up(self) -> None:
        """Takes the question and closes the connection."""

        def hang_up(handler: _Handler, body: bytes) -> bool:
            handler.close_connection = True
            return True

        self.fault = hang_up

    def fails(self, status: int = 500, content: bytes = b"Internal Server Error") -> None:
        self.fault = lambda handler, body: handler.whole(status, content)

    def says(self, content: bytes) -> None:
        """Whatever the question."""
        self.fails(200, content)

    def cuts_off(self) -> None:
        """Promises more than it sends."""

        def cut(handler: _Handler, body: bytes) -> bool:
            content = self.answer(body)
            handler.head(200, len(content))
            handler.wfile.write(content[: len(content) // 2])
            handler.close_connection = True
            return True

        self.fault = cut

    def refuses(self, method: str, code: int, message: str) -> None:
        """A JSON-RPC error for one method."""
        error = {"code": code, "message": message}
        self.lies[method] = lambda question, answer: {"jsonrpc": "2.0", "id": question["id"], "error": error}

    def tells(self, method: str, lie: Callable[[Any], Any]) -> None:
        """Another result for one method, made from the true one."""
        self.lies[method] = lambda question, answer: {**answer, "result": lie(answer.get("result"))}

    def lies_about(self, method: str, lie: Lie) -> None:
        self.lies[method] = lie

    # --- The truth
    def answer(self, body: bytes) -> bytes:
        questions = json.loads(body)
        many = questions if isinstance(questions, list) else [questions]
        self.asked += many
        answers = httpx.post(self.behind, content=body, timeout=60, trust_env=False, headers=_JSON).json()
        if not isinstance(answers, list):
            return json.dumps(self._told(many[0], answers)).encode()
        by_id = {each["id"]: each for each in answers}
        return json.dumps([self._told(each, by_id[each["id"]]) for each in many]).encode()

    def _told(self, question: Question, answer: Answer) -> Answer:
        lie = self.lies.get(question["method"])
        return lie(question, answer) if lie else answer


_JSON = {"Content-Type": "application/json"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler], node: FaultyNode) -> None:
        self.node = node
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked gave up waiting: that is what the fault is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        node = self.server.node
        node.heard += 1
        if node.fault is not None and node.fault(self, body):
            return
        try:
            self.whole(200, node.answer(body))
        except httpx.TransportError:  # nobody behind us
            self.close_connection = True

    def whole(self, status: int, content: bytes) -> bool:
        self.head(status, len(content))
        self.wfile.write(content)
        return True

    def head(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return
