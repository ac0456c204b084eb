"""The agent's side of the node gateway: a connection over mutual TLS, for lists, reports, certificates."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from governance.agent import VERSION
from governance.agent.config import Config
from governance.agent.errors import ReportRefused, Unreachable
from governance.agent.identity import Identity

_TIMEOUT = urllib3.Timeout(connect=5, read=15)  # seconds
_AGENT = f"consortium-agent/{VERSION}"
_LONGEST_WAIT = 86400.0  # seconds, whatever the server asks for
_LARGEST = 64 * 1024  # bytes of an answer that is no file: a receipt, a reason, certificates
_SHOWN = 500  # characters of a reason
_LIFETIME = 600.0  # seconds for all that is asked in a round; a large list over a slow line takes minutes


@dataclass(frozen=True)
class Answer:
    """One that was read whole."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Gateway:
    """A connection that proves the node by its certificate, and follows no redirect.

    Whoever has stolen the server's key must not hold the agent up: each read may be quick and the whole
    without end. So answers are read up to a size, and after ten minutes every connection is cut.
    """

    def __init__(self, config: Config, identity: Identity) -> None:
        self.address = config.gateway
        context = ssl.create_default_context(cafile=str(config.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(identity.certificate_file), str(identity.key_file))
        self._cut = _Cut(_LIFETIME)
        self._pool = urllib3.PoolManager(
            maxsize=1, ssl_context=context, retries=False, timeout=_TIMEOUT, headers={"User-Agent": _AGENT}
        )
        self._pool.pool_classes_by_scheme = {"https": _pool_class(self._cut)}

    def close(self) -> None:
        self._pool.clear()
        self._cut.close()

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """An answer whose body is still to be read. Raises urllib3's errors, as TUF's fetcher wants them."""
        return self._pool.request("GET", url, preload_content=False, decode_content=False, redirect=False)

    def post(self, path: str, body: bytes, content_type: str) -> Answer:
        """Whatever the gateway answers. Raises Unreachable."""
        headers = {"Content-Type": content_type, "User-Agent": _AGENT}
        try:
            answer = self._pool.request(
                "POST", self.address + path, body=body, headers=headers,
                preload_content=False, decode_content=False, redirect=False,
            )  # fmt: skip
            data = short(answer)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{self.address}: {error}") from error
        if data is None:
            raise Unreachable(f"{self.address}: an answer of more than {_LARGEST} bytes")
        return Answer(answer.status, answer.headers, data)

    def report(self, body: dict[str, Any]) -> None:
        """Say what is in force. Raises Unreachable, ReportRefused."""
        text = json.dumps({**body, "agent_version": VERSION}).encode()
        answer = self.post("/v1/acks", text, "application/json")
        if answer.status in (429, 502, 503, 504):  # not this report is refused, but any for a while
            asked = retry_after(answer.headers)
            raise Unreachable(f"{self.address}: HTTP {answer.status}", retry_after=asked)
        if answer.status != 200:
            raise ReportRefused(*refusal(answer))


def short(answer: urllib3.BaseHTTPResponse) -> bytes | None:
    """The body, after which the connection is good for more; None, and it is closed, for an endless one.

    Raises urllib3's errors.
    """
    data = answer.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        answer.close()
        return None
    answer.release_conn()
    return data


def refusal(answer: Answer) -> tuple[str, str]:
    """Code and detail of an error of the gateway's."""
    try:
        body = json.loads(answer.data)
        return str(body["code"])[:_SHOWN], str(body["detail"])[:_SHOWN]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"HTTP {answer.status}", ""


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server wants to be left alone for; 0 when it does not say (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):  # years and zones that there are not
        return 0
    return min(max((until - datetime.now(UTC)).total_seconds(), 0), _LONGEST_WAIT)


class _Cut:
    """Ends the connections that it watches after so many seconds, whatever is under way on them."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []  # duplicates: TLS takes the socket itself over
        self._is_over = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def watching(self, connection: socket.socket) -> socket.socket:
        """Raises TimeoutError when the time is over."""
        with self._lock:
            if self._is_over:
                connection.close()
                raise TimeoutError("the round has taken too long")
            self._watched.append(connection.dup())
        return connection

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            while self._watched:
                self._watched.pop().close()

    def _end(self) -> None:
        with self._lock:
            self._is_over = True
            for each in self._watched:
                with contextlib.suppress(OSError):  # closed by the other side
                    each.shutdown(socket.SHUT_RDWR)


def _pool_class(cut: _Cut) -> type[urllib3.HTTPSConnectionPool]:
    """Connections that can be cut, in their handshake, too."""

    class Connection(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return cut.watching(super()._new_conn())

    class Pool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool
