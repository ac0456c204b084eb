"""The heads of the log on the ledger, as the node beside the agent tells them.

Whoever signs the lists could show two nodes different logs, each in itself in order. The contract
``EpochAnchors`` takes one head for a size, for good, and both nodes ask their own ledger for it. The agent
needs no key for that, and no more than two small questions a round.

What a round makes of it is in :mod:`governance.agent.ledger`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from governance.agent import log
from governance.agent.errors import AgentError
from governance.agent.log import Document, LogNotTrusted

_HEAD_AT = "d51c5ebc"  # headAt(bytes32,uint64)
_LATEST = "79feb107"  # latest(bytes32)
_WORD = 64  # hex digits of 32 bytes
_NOTHING = "0" * _WORD
_LARGEST = 16 * 1024  # bytes of an answer
_WHOLE = 5.0  # seconds that a whole answer may take
_TIMEOUT = urllib3.Timeout(connect=3, read=5)  # seconds


class NotRead(AgentError):
    """The node's JSON-RPC did not answer, or knows no such contract: nothing is known, nothing is wrong."""


@dataclass(frozen=True)
class Anchor:
    """The newest head on the ledger; ``size`` is 0 where there is none yet.

    ``agreed``: the longest log whose head on the ledger is the document's, 0 where none could be compared;
    ``agreed_head`` is that head.
    """

    size: int
    head: str
    agreed: int = 0
    agreed_head: str = ""


def check(
    url: str, contract: str, document: Document, *, missed: int = 0, timeout: urllib3.Timeout = _TIMEOUT
) -> Anchor:
    """Hold a verified log against the ledger, at every size that a lie would have to pass.

    These are: the newest anchor's, the document's own, the one that the console says it anchored, and
    ``missed``, which the ledger had before the document led there. Raises LogNotTrusted (``what`` is
    ``anchor``) when the ledger has another head for one of them; NotRead when nobody can tell.
    """
    known, told = log.heads(document), _told(document, contract)
    with urllib3.PoolManager(num_pools=1, retries=False, timeout=timeout) as pool:
        ledger = _Ledger(pool, url, contract, document.network)
        size, head = ledger.latest()
        asked = {at for at in (document.size, told, missed) if at in known and 0 < at < size}
        anchored = {at: ledger.head_at(at) for at in sorted(asked)} | {size: head}
    if anchored.get(told) == _NOTHING and told:  # sizes rise: what is not there by now never was
        raise LogNotTrusted("anchor", f"it is said to be anchored at {told} entries, and the ledger has none")
    found = {at: value for at, value in anchored.items() if at in known and at > 0 and value != _NOTHING}
    for at, value in found.items():
        if value != known[at]:
            raise LogNotTrusted(
                "anchor", f"the ledger has another head for {at} entries: {value}, not {known[at]}"
            )
    agreed = max(found, default=0)
    return Anchor(size, head, agreed, found.get(agreed, ""))


def _told(document: Document, contract: str) -> int:
    """The size that the console says it anchored in this very contract; 0 for none. Raises LogNotTrusted."""
    said = document.anchored
    if said is None or said.contract.lower() != contract.lower():
        return 0
    if log.heads(document).get(said.size, said.head) != said.head:
        raise LogNotTrusted("anchor", f"it is not the log that is said to be anchored at {said.size} entries")
    return said.size


@dataclass(frozen=True)
class _Ledger:
    """``eth_call`` at the newest block, and nothing else."""

    pool: urllib3.PoolManager
    url: str
    contract: str
    network: str

    def latest(self) -> tuple[int, str]:
        words = self._call(_LATEST + self._name(), 2)
        size = int(words[0], 16)
        if size >= 2**64 or (size == 0) != (words[1] == _NOTHING):
            raise NotRead(f"{self._where()}: {words} is no anchor")
        return size, words[1]

    def head_at(self, size: int) -> str:
        return self._call(f"{_HEAD_AT}{self._name()}{size:0{_WORD}x}", 1)[0]

    def _name(self) -> str:
        """The network's name as the contract has it: ASCII, then zeros."""
        return self.network.encode().hex().ljust(_WORD, "0")

    def _where(self) -> str:
        # Without a user name or a token that the address may hold.
        return f"{self.contract} at {urlsplit(self.url).hostname}"

    def _call(self, data: str, words: int) -> list[str]:
        asked = [{"to": self.contract, "data": f"0x{data}"}, "latest"]
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": asked}
        try:
            answer = self.pool.request("POST", self.url, json=body, redirect=False, preload_content=False)
            try:
                found = self._read(answer)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotRead(f"{self._where()}: {type(error).__name__}") from error
        if answer.status != 200 or len(found) > _LARGEST:
            raise NotRead(f"{self._where()}: HTTP {answer.status}, {len(found)} bytes")
        return self._words(found, words)

    @staticmethod
    def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
        """At most a byte too many, and not for ever: each read may be quick and the whole endless."""
        found, deadline = b"", time.monotonic() + _WHOLE
        while len(found) <= _LARGEST and (piece := answer.read1(_LARGEST)):
            found += piece
            if time.monotonic() > deadline:
                raise TimeoutError
        return found

    def _words(self, answer: bytes, count: int) -> list[str]:
        try:
            body: Any = json.loads(answer)
            digits = body["result"].removeprefix("0x").lower()
            bytes.fromhex(digits)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise NotRead(f"{self._where()}: no answer to eth_call") from error
        if len(digits) != count * _WORD:
            raise NotRead(f"{self._where()}: no contract that knows anchors")
        return [digits[at : at + _WORD] for at in range(0, len(digits), _WORD)]
