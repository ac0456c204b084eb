"""The responder process: threads that take one request a connection from the Unix socket.

It holds the responders' keys and no other. It can be killed at any moment: it keeps nothing, and until it is
back the web process answers from prepared files.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from pathlib import Path

from django.db import close_old_connections, connection

from certs.status import line, ocsp, responding
from certs.status.line import BrokenLine, Reply

logger = logging.getLogger(__name__)

THREADS = 8
_BACKLOG = 128
_PATIENCE = 2.0  # seconds for a request to arrive and for its answer to be taken
_LONGEST_REST = 1.0  # seconds: how soon a thread notices that the server is to end


class Server:
    """``start``, then ``stop``; requests that are being answered are answered first."""

    def __init__(self, path: Path, threads: int = THREADS) -> None:
        self._path = path
        self._listener = _listener(path)
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"status-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more. The socket stays where it is: another process may have put its own there."""
        self._ending.set()
        for thread in self._threads:
            thread.join(_PATIENCE * 2)
        self._listener.close()

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                logger.warning("no connection taken: %s", error)  # such as too many open files
                time.sleep(0.1)
                continue
            with client:
                self._serve(client)
            close_old_connections()  # as after a web request: a broken one is not kept
        connection.close()

    def _serve(self, client: socket.socket) -> None:
        """One request. Whatever goes wrong with it must not take the thread along."""
        try:
            data = line.receive(client, time.monotonic() + _PATIENCE, ocsp.SIZE_LIMIT)
            answer = responding.respond(data)
            client.settimeout(_PATIENCE)
            line.reply(client, Reply(answer.der, answer.this_update, answer.next_update))
        except (OSError, BrokenLine) as error:
            logger.info("a client went away: %s", error)
        except Exception:
            logger.exception("a status request failed")
            with contextlib.suppress(OSError):
                line.reply(client, Reply(ocsp.failure(ocsp.Failure.INTERNAL_ERROR)))


def _listener(path: Path) -> socket.socket:
    """A listening socket that takes the place of what is at ``path``, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with line.address(temporary) as place:
        listener.bind(place)
    temporary.chmod(0o660)
    listener.listen(_BACKLOG)
    listener.settimeout(_LONGEST_REST)
    temporary.rename(path)
    return listener
