"""Where the console says "there is something new". Whoever says it: it only makes the agent look."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from governance.agent.config import Config
from governance.agent.identity import Identity

logger = logging.getLogger("agent")

_LARGEST = 1024  # bytes
_PATIENCE = 5  # seconds, for the whole of a slow peer's handshake and for each read
_WHOLE = 10  # seconds for a request altogether: a byte now and then would hold a connection for ever
_DIGITS = 4  # of a Content-Length
_HEARD_OUT, _CHUNK = 1024 * 1024, 64 * 1024  # bytes
_AT_ONCE = 16  # connections


def start(config: Config, address: tuple[str, int], node: Identity, wake: Callable[[int], None]) -> Listener:
    """Listen on ``address`` with the node's own certificate; ``wake`` gets the epoch that was named."""
    server = Listener(address, node, config.network, wake)
    threading.Thread(target=server.serve_forever, name="listener", daemon=True).start()
    logger.info("listening on %s:%s", *address)
    return server


class Listener(ThreadingHTTPServer):
    """The server; what it presents can be changed while it runs."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], node: Identity, network: str, wake: Callable[[int], None]
    ) -> None:
        self.network, self.wake = network, wake
        self.use(node)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, _Handler)

    def use(self, node: Identity) -> None:
        """Present this certificate from now on, in a context of its own: never its key with another's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(node.certificate_file), str(node.key_file))
        self.context, self.node = context, node

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # The handshake happens here, in the connection's own thread: a slow peer holds up nobody else.
        try:
            request.settimeout(_PATIENCE)
            with self.context.wrap_socket(request, server_side=True) as secured:
                deadline = threading.Timer(_WHOLE, _cut, [secured])
                deadline.daemon = True
                deadline.start()
                try:
                    self.finish_request(secured, client_address)
                finally:
                    deadline.cancel()
        except OSError as error:
            logger.debug("listener: %s", error)
        finally:
            self._slots.release()


def _cut(connection: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError):  # it ended by itself at this very moment
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = _PATIENCE
    server_version = "agent"
    sys_version = ""

    def do_POST(self) -> None:
        epoch = self._named_epoch()
        if epoch is None:
            self._answer(400)
            self._hear_out()
            return
        self._answer(202)
        self.server.wake(epoch)

    def _named_epoch(self) -> int | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > _DIGITS:
            return None
        if not 0 < int(length) <= _LARGEST:
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        if not isinstance(body, dict) or body.get("network") != self.server.network:
            return None
        epoch = body.get("epoch")
        return epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None

    def _hear_out(self) -> None:
        """Closing before the peer has sent all would take the answer from it. Nobody looks at that."""
        left = _HEARD_OUT
        while left > 0 and (piece := self.rfile.read1(min(left, _CHUNK))):
            left -= len(piece)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("listener: " + format, *args)
