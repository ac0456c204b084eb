"""What stands before the gateway's application: the same answer once more, while nothing has changed.

Nodes ask once a minute whether there is anything new, and mostly there is not. An answer that the application
gave a node is given again, without a query of its own, for as long as the published metadata are the same
file, the node's permit (``services.permits``) lies where it lay, its certificate has not ended, and nobody's
certificate or node was taken back meanwhile, which is looked up once a second for all. What lets a node have
a newer list publishes anew. That the node asked is noted, and recorded with others' asking in one statement.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from consortium.core import clock, surface
from governance.permissions import rules, selectors, services

logger = logging.getLogger(__name__)

# Set by the gateway's middleware where it has let a node in.
ADMITTED = "console.admitted"

_TIMESTAMP = "/tuf/metadata/timestamp.json"
_LISTS = "/v1/networks/"
_ETAG = re.compile(r'"[0-9a-f]{64}"')  # as the gateway makes them
_SETTLED = 5.0  # seconds: rows are committed after the file that says they are published
_MOST = 20_000  # answers kept
_LARGEST = 4096  # bytes of an answer that is kept: no list is
_GATHERED = 2.0  # seconds in which pulls are gathered
_LOOK = 1.0  # seconds between two looks at what was taken back

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Stamp = tuple[int, int, int] | None
Standing = tuple[int, int] | None
Key = tuple[bytes, str, str]  # what a node has is no part of it: of its tags the last is kept


@dataclass(frozen=True)
class Admitted:
    """Whom the application let in: the node, its permit's file, when its certificate ends."""

    node_id: uuid.UUID
    permit: Path
    not_after: datetime


@dataclass(frozen=True)
class _Answer:
    """What was answered, and what must still be so for it to be the answer."""

    status: str
    headers: Headers
    body: bytes
    known: str
    admitted: Admitted
    published: Stamp
    permitted: Stamp
    standing: Standing


class Unchanged:
    """A WSGI application around another; ``published`` is the file that changes with every publication."""

    def __init__(self, application: Application, published: Path) -> None:
        self._application = application
        self._published = published
        self._answers: dict[Key, _Answer] = {}
        self._pulls = _Pulls()
        self._standing = _Standing()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        key = _key(environ)
        if key is None:
            return self._application(environ, start_response)
        answer = self._answers.get(key)
        if answer is None or answer.known != _known(environ) or not self._holds(answer):
            return self._ask(key, environ, start_response)
        self._pulls.note(answer.admitted.node_id)
        start_response(answer.status, answer.headers)
        return [answer.body]

    def _holds(self, answer: _Answer) -> bool:
        return (
            answer.published == _stamp(self._published)
            and answer.permitted == _stamp(answer.admitted.permit)
            and clock.now() < answer.admitted.not_after
            and answer.standing == self._standing.now()
        )

    def _ask(self, key: Key, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        said: list[tuple[str, Headers]] = []

        def heard(status: str, headers: Headers, *error: Any) -> Any:
            said.append((status, headers))
            return start_response(status, headers, *error)

        published, standing = _stamp(self._published), self._standing.now()
        self._answers.pop(key, None)
        answered = self._application(environ, heard)
        admitted = environ.get(ADMITTED)
        if isinstance(admitted, Admitted) and said[0][0][:3] in {"200", "304"} and _is_settled(published):
            self._keep(key, _known(environ), *said[0], answered, admitted, published, standing)
        return answered

    def _keep(
        self,
        key: Key,
        known: str,
        status: str,
        headers: Headers,
        answered: Iterable[bytes],
        admitted: Admitted,
        published: Stamp,
        standing: Standing,
    ) -> None:
        body = b"".join(answered)  # a response of Django's can be read again
        permitted = _stamp(admitted.permit)
        if permitted is None or standing is None or len(body) > _LARGEST:
            return
        while len(self._answers) >= _MOST:
            self._answers.pop(next(iter(self._answers)), None)
        self._answers[key] = _Answer(status, headers, body, known, admitted, published, permitted, standing)


def _key(environ: Environ) -> Key | None:
    """Who asks for what, if it is a question that nodes ask again and again."""
    path = environ.get("PATH_INFO", "")
    if environ["REQUEST_METHOD"] != "GET" or not (path == _TIMESTAMP or path.startswith(_LISTS)):
        return None
    peer = surface.peer_of(environ)
    if peer is None:
        return None
    query = environ.get("QUERY_STRING", "")
    if (_known(environ) and not _ETAG.fullmatch(_known(environ))) or (query and not _may_ask(path, query)):
        return None
    return hashlib.sha256(peer).digest(), path, query


def _known(environ: Environ) -> str:
    """What the node has already, as it says."""
    return str(environ.get("HTTP_IF_NONE_MATCH", ""))


def _may_ask(path: str, query: str) -> bool:
    """No agent asks otherwise; one that invents questions would put others' answers out of memory."""
    folder = path.rpartition("/")[2]
    return query in {"file=" + one.removeprefix(f"{folder}/") for one in rules.FILES.get(folder, ())}


def _stamp(path: Path) -> Stamp:
    """What changes when the file is replaced; None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _is_settled(stamp: Stamp) -> bool:
    return stamp is not None and time.time() - stamp[1] / 1e9 > _SETTLED


class _Standing:
    """How much was taken back so far, as of at most :data:`_LOOK` ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._seen: Standing = None

    def now(self) -> Standing:
        """None while the database does not say: then nothing is answered from memory."""
        with self._lock:
            if time.monotonic() > self._until:
                self._seen = self._look()
                self._until = time.monotonic() + _LOOK
            return self._seen

    def _look(self) -> Standing:
        try:
            return selectors.taken_back()
        except DatabaseError as error:
            logger.error("nothing is answered from memory: %s", error)  # noqa: TRY400 - one line says it
            connection.close()
            return None


class _Pulls:
    """Who has asked since the last statement that recorded it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: dict[uuid.UUID, datetime] = {}

    def note(self, node_id: uuid.UUID) -> None:
        with self._lock:
            is_first = not self._at
            self._at[node_id] = clock.now()
        if is_first:
            timer = threading.Timer(_GATHERED, self._record)
            timer.daemon = True
            timer.start()

    def _record(self) -> None:
        with self._lock:
            gathered, self._at = self._at, {}
        try:
            services.record_pulls(gathered)
        except DatabaseError as error:  # the nodes come again in a minute
            logger.error("%s pulls not recorded: %s", len(gathered), error)  # noqa: TRY400 - one line says it
        finally:
            connection.close()  # of this timer's thread
