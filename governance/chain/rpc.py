"""JSON-RPC to one ledger by several addresses: time limits, fail-over within a call, liars left alone.

A question goes to the first address that is trusted (:mod:`governance.chain.standing`). Where that one does
not answer, or answers nonsense, the next is asked within the same call, if asking twice is harmless: reading
is, and so are raw transactions, which a ledger knows by their hash. Before a node is believed, and every two
seconds after, it must show the ledger's chain id and genesis, and a head that is not far below what was seen.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from governance.chain import standing
from governance.chain.endpoint import Endpoint, NodeFault
from governance.chain.errors import LedgerUnreachable, NoTrustedNode, OtherLedger
from governance.chain.standing import Fault

CHECK_HOLDS = 2.0  # seconds; else half of what many ballots ask a ledger is who it is
FAILURES = 2  # in a row, before a node that fails quickly is left; one that lets us wait is left at once

_REPEATABLE = re.compile(r"(eth_(?!send(?!RawTransaction)|sign)|net_|web3_|rpc_)\w+")
_OF_THE_NODE = frozenset({-32603, -32002, -32001})  # internal error, resource unavailable or not found
_REFUSAL = re.compile("revert|execution", re.IGNORECASE)

Call = tuple[str, Sequence[Any]]
Answer = dict[str, Any]


class Identity(NamedTuple):
    """Which ledger every node has to be."""

    chain_id: int
    genesis_hash: str


class AnswerError(Exception):
    """A node answered one of many questions with an error. ``code`` and ``message`` are its words."""

    def __init__(self, error: Any) -> None:
        self.code = error.get("code") if isinstance(error, dict) else None
        self.message = str(error.get("message", "") if isinstance(error, dict) else error)
        self.data = error.get("data") if isinstance(error, dict) else None
        super().__init__(f"{self.code}: {self.message}")


@dataclass(slots=True)
class _Trust:
    """What this thread knows of one node."""

    until: float = 0.0  # monotonic; then it is asked again who it is
    failures: int = 0
    takes_batches: bool = True


class Provider(JSONBaseProvider):
    """The ledger behind all of its addresses, for one thread.

    ``realm``: a governed ledger's name, empty for the alliance's own; ``indexed`` tells its newest block that
    was read.

    Raises LedgerUnreachable when none answers, OtherLedger when what answers is another ledger, NoTrustedNode
    when all that is left has been caught lying.
    """

    def __init__(
        self,
        urls: Sequence[str],
        timeout: float,
        *,
        realm: str = "",
        indexed: Callable[[], int] = standing.indexed,
    ) -> None:
        super().__init__()
        self.endpoints = [Endpoint(url, timeout, realm) for url in urls]
        self.realm, self._indexed = realm, indexed
        self.identity: Identity | None = None
        self._trust = {endpoint.key: _Trust() for endpoint in self.endpoints}
        self._highest = 0

    # --- Asking -----------------------------------------------------------------------------------------
    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        body = self.encode_rpc_request(method, params)
        return self._over([method], lambda node: [_one(node.post(body))])[0]  # type: ignore[return-value]

    def ask_many(self, calls: Sequence[Call]) -> list[Any]:
        """The raw results of ``calls`` in their order, in one request where the node takes batches.

        What was answered with an error is an :class:`AnswerError` in the list. All come from one node.
        """
        answers = self._over([method for method, _ in calls], lambda node: self._many(node, calls))
        return [AnswerError(each["error"]) if "error" in each else each["result"] for each in answers]

    def ask_each(self, method: str, params: Sequence[Any]) -> list[Any]:
        """What each node that may be asked answers; those that fail at it are left out."""
        found = []
        for endpoint in self._candidates():
            try:
                self._check(endpoint)
                answer = self._many(endpoint, [(method, params)])[0]
            except NodeFault:
                continue
            if "result" in answer:
                found.append(answer["result"])
        return found

    def verify(self, identity: Identity) -> None:
        """Find a node that is this ledger; from now on none is believed that is not."""
        if self.identity != identity:
            self.identity = identity
            for trust in self._trust.values():
                trust.until = 0.0
        if not any(time.monotonic() < trust.until for trust in self._trust.values()):
            self._over([], lambda node: [])

    def distrust(self, fault: Fault, detail: str, block: int | None = None) -> None:
        """Leave the node that this thread asks first: ``fault`` was found in what it said."""
        for endpoint in self._candidates()[:1]:
            self._leave(endpoint, NodeFault(fault, detail), block)

    @property
    def several(self) -> bool:
        """Is there more than one address?"""
        return len(self.endpoints) > 1

    # --- One node after another -----------------------------------------------------------------------------
    def _over(self, methods: Sequence[str], ask: Callable[[Endpoint], list[Answer]]) -> list[Answer]:
        repeatable = all(_REPEATABLE.fullmatch(method) for method in methods)
        faults: list[NodeFault] = []
        refused: list[Answer] | None = None
        for endpoint in self._candidates():
            try:
                self._check(endpoint)
                answers = ask(endpoint)
            except NodeFault as fault:
                faults.append(fault)
                self._failed(endpoint, fault)
                if not repeatable:
                    break
                continue
            if not (self.several and repeatable and any(map(_is_the_nodes_fault, answers))):
                self._trust[endpoint.key].failures = 0
                return answers
            refused = refused or answers
            self._failed(endpoint, NodeFault(Fault.FAILING, _first_error(answers)))
        if refused is not None:
            return refused
        raise _error(faults, methods)

    def _candidates(self) -> list[Endpoint]:
        """Those that are trusted, in the order of the setting; then those that are left for silence alone."""
        if not self.several:
            return self.endpoints
        left = standing.left([endpoint.key for endpoint in self.endpoints])
        trusted = [endpoint for endpoint in self.endpoints if endpoint.key not in left]
        silent = [each for each in self.endpoints if left.get(each.key) in standing.SILENT]
        if not (found := trusted + silent):
            raise NoTrustedNode(
                detail=", ".join(f"{each.shown}: {left[each.key]}" for each in self.endpoints)
            )
        return found

    def _failed(self, endpoint: Endpoint, fault: NodeFault) -> None:
        trust = self._trust[endpoint.key]
        trust.failures, trust.until = trust.failures + 1, 0.0
        if self.several and (fault.grave or trust.failures >= FAILURES):
            self._leave(endpoint, fault)

    def _leave(self, endpoint: Endpoint, fault: NodeFault, block: int | None = None) -> None:
        self._trust[endpoint.key].until = 0.0
        if self.several:
            standing.leave(endpoint.key, endpoint.shown, fault.kind, fault.detail, block, ledger=self.realm)

    # --- Many questions -----------------------------------------------------------------------------------
    def _many(self, node: Endpoint, calls: Sequence[Call]) -> list[Answer]:
        trust = self._trust[node.key]
        if trust.takes_batches and len(calls) > 1:
            answer = node.post(_body([_question(index, call) for index, call in enumerate(calls)]))
            if isinstance(answer, list):
                return _in_order(answer, len(calls))
            trust.takes_batches = False  # it says so with a single error: asked one by one from now on
        return [_one(node.post(_body(_question(index, call)))) for index, call in enumerate(calls)]

    # --- Who are you ----------------------------------------------------------------------------------------
    def _check(self, node: Endpoint) -> None:
        """Raises NodeFault unless the node is the ledger that is wanted, and not far behind it."""
        if self.identity is None or time.monotonic() < self._trust[node.key].until:
            return
        chain_id = node.number("eth_chainId")
        if chain_id != self.identity.chain_id:
            raise NodeFault.other_ledger("chain id", chain_id, self.identity.chain_id)
        genesis = node.genesis()
        if genesis != self.identity.genesis_hash:
            raise NodeFault.other_ledger("genesis", genesis, self.identity.genesis_hash)
        if self.several:
            self._check_head(node)
        self._trust[node.key].until = time.monotonic() + CHECK_HOLDS

    def _check_head(self, node: Endpoint) -> None:
        """A head far below one seen before is believed only where another node says the same."""
        head = node.number("eth_blockNumber")
        shown = standing.highest([each.key for each in self.endpoints])
        seen = max(self._highest, shown, self._indexed())
        if head + standing.tolerance() < seen:
            others = list(self._heads_of_others(node))
            if not others or max(others) > head + standing.tolerance():
                raise NodeFault(Fault.BEHIND, f"{head} < {max([seen, *others])}")
            self._highest = head  # the ledger itself went back
        self._highest = max(self._highest, head)

    def _heads_of_others(self, node: Endpoint) -> Iterator[int]:
        for other in self._candidates():
            if other is not node:
                try:
                    yield other.number("eth_blockNumber")
                except NodeFault:
                    continue


# --- What an answer has to look like ----------------------------------------------------------------------
def _question(index: int, call: Call) -> dict[str, Any]:
    method, params = call
    return {"jsonrpc": "2.0", "id": index, "method": method, "params": params}


def _body(question: Any) -> bytes:
    return json.dumps(question).encode("ascii")


def _one(answer: Any) -> Answer:
    if isinstance(answer, dict) and ("result" in answer or answer.get("error")):
        return answer
    raise NodeFault(Fault.FAILING, "no JSON-RPC answer")


def _in_order(answers: list[Any], count: int) -> list[Answer]:
    by_id = {each.get("id"): each for each in map(_one, answers)}
    try:
        return [by_id[index] for index in range(count)]
    except KeyError as missing:
        raise NodeFault(Fault.FAILING, f"no answer {missing} in a batch of {count}") from missing


def _is_the_nodes_fault(answer: Answer) -> bool:
    """An error that another node need not have; what a contract says is none."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return bool(error)
    contracts = error.get("data") or _REFUSAL.search(str(error.get("message", "")))
    return error.get("code") in _OF_THE_NODE and not contracts


def _first_error(answers: list[Answer]) -> str:
    return str(AnswerError(next(each["error"] for each in answers if "error" in each)))[:200]


def _error(faults: list[NodeFault], methods: Sequence[str]) -> LedgerUnreachable | OtherLedger:
    for fault in faults:
        if fault.mismatch:
            return OtherLedger(**fault.mismatch)
    asked = f" ({methods[0]})" if methods else ""
    return LedgerUnreachable(detail="; ".join(str(fault) for fault in faults) + asked)
