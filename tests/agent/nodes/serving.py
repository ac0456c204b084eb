"""What all of them share: JSON-RPC over HTTP, a way for a test to look inside, and bad manners on request."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

Method = Callable[..., Any]


class Fault(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Node:
    """``methods`` are the node's own calls; ``controls`` are for the test alone, below /control."""

    def __init__(self) -> None:
        self.methods: dict[str, Method] = {}
        self.controls: dict[str, Method] = {
            "calls": lambda: self.calls,
            "behave": self.behave,
            "say": self.say,
        }
        self.calls: list[Any] = []
        self.manners = "good"
        self.sayings: dict[str, list[Any]] = {}
        self.lock = Lock()

    def behave(self, manners: str) -> None:
        self.manners = manners

    def say(self, method: str, code: int, message: str) -> None:
        """The next call of ``method`` is answered by this error, and does nothing."""
        self.sayings.setdefault(method, []).append((code, message))

    def admits(self, authorization: str) -> bool:
        return True

    def answer(self, method: str, params: list[Any]) -> Any:
        self.calls.append([method, params])
        if self.sayings.get(method):
            raise Fault(*self.sayings[method].pop(0))
        if method not in self.methods:
            raise Fault(-32601, "Method not found")
        return self.methods[method](*params)


class _Handler(BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        node: Node = self.server.node
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        control = self.path == "/control"
        if not control and node.manners != "good":
            self._misbehave(node.manners, body)
        elif not control and not node.admits(self.headers.get("Authorization", "")):
            self._send(401, b"Unauthorized")
        else:
            self._send(200, json.dumps(self._result(node, body, control)).encode())

    def _result(self, node: Node, body: Any, control: bool) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": body["id"]}
        with node.lock:
            try:
                if control:
                    return {**head, "result": node.controls[body["method"]](*body["params"])}
                return {**head, "result": node.answer(body["method"], body["params"])}
            except Fault as fault:
                return {**head, "error": {"code": fault.code, "message": fault.message}}

    def _misbehave(self, manners: str, body: Any) -> None:
        if manners == "redirect":
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif manners == "endless":
            self._stream(b" " * 65536, 0)
        elif manners == "dripping":
            self._stream(b" ", 0.05)
        elif manners == "other":
            self._send(200, json.dumps({"jsonrpc": "2.0", "id": 999_999, "result": []}).encode())
        elif manners == "html":
            self._send(200, b"<html>It works!</html>")
        elif manners == "deep":
            self._send(200, b"[" * 200_000)
        elif manners == "broken":
            self._send(502, b"Bad gateway")
        else:
            raise ValueError(manners)

    def _stream(self, chunk: bytes, pause: float) -> None:
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(chunk)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            return

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def serve(node: Node, port: int) -> None:
    """For ever; the first line of standard output is the port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    server.node = node  # type: ignore[attr-defined]
    print(server.server_address[1], flush=True)
    sys.stdout.close()
    server.serve_forever(poll_interval=0.05)
