"""One address of a ledger's node: questions over HTTP that end in time, or in a :class:`NodeFault`."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import time
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import accumulate
from typing import Any
from urllib.parse import urlsplit

import certifi
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError, TimeoutError
from urllib3.util import make_headers, parse_url

from governance.chain.standing import GRAVE, Fault

CONNECT = 3.0  # seconds at most to be taken in; what listens at all does so at once
LARGEST = 64 * 2**20  # bytes of an answer; no honest one to our questions comes near
DEEPEST = 500  # lists and objects in each other
_CHUNK = 2**18
_DEEPER = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - _DEEPER.keys())


class NodeFault(Exception):
    """A node did not answer, or not as a node of this ledger has to."""

    def __init__(self, kind: Fault, detail: str, mismatch: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail
        self.mismatch = mismatch  # what, actual, expected; where it is another ledger's

    @classmethod
    def other_ledger(cls, what: str, actual: object, expected: object) -> NodeFault:
        return cls(
            Fault.OTHER_LEDGER,
            f"{what} {actual}, not {expected}",
            {"what": what, "actual": actual, "expected": expected},
        )

    @property
    def grave(self) -> bool:
        """Reason enough to leave the node at once."""
        return self.kind in GRAVE


class Endpoint:
    """Keeps a connection open; for one thread. ``key`` names the address without telling it.

    ``realm``: whose node it is, see :func:`key_of`.
    """

    def __init__(self, url: str, timeout: float, realm: str = "") -> None:
        self.url, self.timeout = url, timeout
        self.key, self.shown = key_of(url, realm), shown(url)

    def post(self, body: bytes) -> Any:
        """The decoded answer to a JSON-RPC request, within the time limit. Raises NodeFault."""
        try:
            return _parsed(self._read(body))
        except NewConnectionError as error:  # refused, which urllib3 counts among what takes too long
            raise NodeFault(Fault.SILENT, type(error).__name__) from error
        except TimeoutError as error:
            raise NodeFault(Fault.SLOW, f"{self.timeout:g} s") from error
        except (HTTPError, OSError) as error:
            raise NodeFault(Fault.SILENT, type(error).__name__) from error
        except ValueError as error:
            raise NodeFault(Fault.FAILING, "no JSON") from error

    def number(self, method: str) -> int:
        """The answer of a method that takes nothing and gives a number."""
        result = self.result(method)
        if not isinstance(result, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", result):
            raise NodeFault(Fault.FAILING, f"{method}: {str(result)[:80]}")
        return int(result, 16)

    def genesis(self) -> str:
        """Hash of block 0."""
        block = self.result("eth_getBlockByNumber", "0x0", False)
        if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
            raise NodeFault(Fault.FAILING, "no block 0")
        return str(block["hash"])

    def result(self, method: str, *params: Any) -> Any:
        """The result of one question. Raises NodeFault for an error too."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.post(json.dumps(question).encode("ascii"))
        if not isinstance(answer, dict) or "result" not in answer:
            raise NodeFault(Fault.FAILING, f"{method}: {str(answer)[:160]}")
        return answer["result"]

    def results(self, questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """The results of several questions in one request, in order; None for an error. Raises NodeFault."""
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(questions)
        ]
        answers = self.post(json.dumps(asked).encode("ascii"))
        if not isinstance(answers, list) or not all(isinstance(each, dict) for each in answers):
            raise NodeFault(Fault.FAILING, f"{len(asked)} at once: {str(answers)[:160]}")
        by_id = {each.get("id"): each.get("result") for each in answers}
        return [by_id.get(number) for number in range(len(asked))]

    def _read(self, body: bytes) -> bytes:
        deadline = time.monotonic() + self.timeout
        limit = Timeout(connect=min(CONNECT, self.timeout), read=self.timeout)
        answer = self._pool.request(
            "POST", self.url, body=body, headers=self._headers, timeout=limit, retries=False, redirect=False,
            preload_content=False,
        )  # fmt: skip
        try:
            content = self._whole(answer, deadline)
        except BaseException:
            answer.close()  # half read: the connection can't be used again
            raise
        answer.release_conn()
        if answer.status != 200:
            raise NodeFault(Fault.FAILING, f"HTTP {answer.status}")
        return content

    def _whole(self, answer: Any, deadline: float) -> bytes:
        """A node that drips keeps every single read within its limit: so the whole has one too."""
        parts, size = [], 0
        while part := answer.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise NodeFault(Fault.FAILING, f"more than {LARGEST} bytes")
            if time.monotonic() > deadline:
                raise NodeFault(Fault.SLOW, f"{self.timeout:g} s")
        return b"".join(parts)

    @cached_property
    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            auth = parse_url(self.url).auth
        except LocationParseError:
            auth = None
        return {**headers, **(make_headers(basic_auth=auth) if auth else {})}

    @cached_property
    def _pool(self) -> PoolManager:
        """Without the environment's proxies: one for the web is none for the alliance's own ledger."""
        return PoolManager(
            num_pools=1, maxsize=1, ssl_context=_tls() if self.url.startswith("https") else None
        )


def _parsed(content: bytes) -> Any:
    """A library of web3's raises Python's limit on recursion so far that deep JSON would end the process."""
    brackets = content.translate(None, delete=_NO_BRACKETS)
    if max(accumulate(map(_DEEPER.__getitem__, brackets)), default=0) > DEEPEST:
        raise NodeFault(Fault.FAILING, f"JSON deeper than {DEEPEST}")
    return json.loads(content)


def key_of(url: str, realm: str = "") -> str:
    """A name for the address that tells no password in it.

    ``realm`` is a governed ledger's name, empty for the alliance's own ledger: an address that is entered for
    the wrong ledger is left there, and stays trusted where it belongs.
    """
    return hashlib.sha256(f"{realm} {url}".encode() if realm else url.encode()).hexdigest()[:16]


def shown(url: str) -> str:
    """The address for people: without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@cache
def _tls() -> ssl.SSLContext:
    """The machine's authorities, an alliance's own among them, and those that browsers know."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
