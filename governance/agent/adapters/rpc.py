"""JSON-RPC to the node beside the agent. What the node answers is believed only within limits."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from governance.agent import VERSION
from governance.agent.adapters.tables import Table
from governance.agent.adapters.tokens import token_of
from governance.agent.errors import ReloadFailed

_LARGEST = 16 * 1024 * 1024  # bytes of an answer; ten thousand entries are some 2 MiB
_CHUNK = 64 * 1024  # bytes
_LONGEST_MESSAGE = 500  # characters
_DEEPEST = 64  # of lists within lists; without a bound a parser in C may overrun its stack
_NESTING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class RpcError(ReloadFailed):
    """The node answered with an error."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method = method
        self.code = code
        self.message = message


class Rpc:
    """Calls one after the other, over HTTP, never redirected.

    Every failure to get an answer is a ReloadFailed: the node may be restarting, so it is worth another try.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], str] | None = None,
        ca_file: Path | None = None,
        seconds: float = 10,
    ) -> None:
        self._url = url
        self._token = token
        self._seconds = seconds
        self._number = 0
        context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else None
        self._pool = urllib3.PoolManager(maxsize=1, ssl_context=context, retries=False, timeout=seconds)

    @classmethod
    def of(cls, table: Table) -> Rpc:
        """Entries ``rpc`` (the address), ``rpc_ca_file``, ``rpc_seconds``, and those of the token."""
        return cls(
            table.url("rpc"),
            token=token_of(table),
            ca_file=table.path_or_none("rpc_ca_file"),
            seconds=table.seconds("rpc_seconds", 10),
        )

    def call(self, method: str, *params: Any) -> Any:
        """The result. Raises RpcError when the node says no, ReloadFailed when it says nothing of use."""
        self._number += 1
        body = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": list(params)}
        headers = {"User-Agent": f"consortium-agent/{VERSION}"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        try:
            data = self._answer(method, body, headers)
        except urllib3.exceptions.HTTPError as error:
            raise ReloadFailed(f"{method}: no answer: {error}") from error
        return self._result(method, data)

    def _answer(self, method: str, body: dict[str, Any], headers: dict[str, str]) -> bytes:
        answer = self._pool.request(
            "POST", self._url, json=body, headers=headers, preload_content=False, redirect=False
        )
        try:
            data = self._read(method, answer)
        except BaseException:
            answer.close()  # what is left of it would be taken for the next answer
            raise
        answer.release_conn()
        if answer.status in (401, 403):
            raise ReloadFailed(f"{method}: HTTP {answer.status}: the node does not take the agent's token")
        if answer.status != 200:
            raise ReloadFailed(f"{method}: HTTP {answer.status}")
        return data

    def _read(self, method: str, answer: urllib3.BaseHTTPResponse) -> bytes:
        deadline = time.monotonic() + self._seconds
        data = bytearray()
        while chunk := answer.read1(_CHUNK):
            data += chunk
            if len(data) > _LARGEST:
                raise ReloadFailed(f"{method}: an answer above {_LARGEST} bytes")
            if time.monotonic() > deadline:
                raise ReloadFailed(f"{method}: no whole answer within {self._seconds:g} s")
        return bytes(data)

    def _result(self, method: str, data: bytes) -> Any:
        try:
            answer = json.loads(_shallow(data))
        except (ValueError, RecursionError) as error:
            raise ReloadFailed(f"{method}: not JSON") from error
        if not isinstance(answer, dict) or answer.get("id") != self._number:
            raise ReloadFailed(f"{method}: not an answer to it")
        if answer.get("error") is not None:
            raise _error(method, answer["error"])
        if "result" not in answer:
            raise ReloadFailed(f"{method}: an answer without a result")
        return answer["result"]


def texts(method: str, value: Any) -> list[str]:
    """``value`` as a list of texts. Raises ReloadFailed when it is none."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ReloadFailed(f"{method}: not a list of texts")
    return value


def _shallow(data: bytes) -> bytes:
    """``data``, unless it is nested too deep: then ValueError."""
    depth = 0
    for found in _NESTING.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found.group(), 0)
        if depth > _DEEPEST:
            raise ValueError("nested too deep")
    return data


def _error(method: str, error: Any) -> RpcError:
    if not isinstance(error, dict):
        return RpcError(method, 0, "an error that can't be read")
    code = error.get("code")
    message = "".join(letter for letter in str(error.get("message", "")) if letter.isprintable())
    return RpcError(method, code if isinstance(code, int) else 0, message[:_LONGEST_MESSAGE])
