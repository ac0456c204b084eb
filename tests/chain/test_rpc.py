"""Several nodes of a ledger: whoever is silent, fails or lies is left, and taken again when it is honest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.stack import child
from governance.chain import calls, endpoint, relay, standing, watching
from governance.chain import ledger as gateway
from governance.chain.endpoint import Endpoint
from governance.chain.errors import LedgerUnreachable, NoTrustedNode, OtherLedger
from governance.chain.models import CastVote, ChainEvent, RelayTransaction, RpcNode
from governance.chain.standing import Fault
from governance.chain.watching import Look, judged
from tests.chain.faulty import FaultyNode
from tests.chain.world import World, rows

FAULTS: dict[str, tuple[Callable[[FaultyNode], None], Fault]] = {
    "silent for ever": (FaultyNode.hangs, Fault.SLOW),
    "dripping": (FaultyNode.drips, Fault.SLOW),
    "HTTP 500": (FaultyNode.fails, Fault.FAILING),
    "HTTP 302": (lambda node: node.fails(302, b"elsewhere"), Fault.FAILING),
    "garbage": (lambda node: node.says(b"<html>Login</html>"), Fault.FAILING),
    "no text": (lambda node: node.says(b"\xff\xfe\x00"), Fault.FAILING),
    "no answer in it": (lambda node: node.says(b"{}"), Fault.FAILING),
    "a list": (lambda node: node.says(b"[[]]"), Fault.FAILING),
    "deep": (lambda node: node.says(b"[" * 100_000), Fault.FAILING),
    "cut off": (FaultyNode.cuts_off, Fault.SILENT),
    "internal error": (
        lambda node: node.refuses("eth_blockNumber", -32603, "Internal error"),
        Fault.FAILING,
    ),
    "hanging up": (FaultyNode.hangs_up, Fault.SILENT),
}


def left() -> dict[str, str]:
    """Address to fault, of those that are left."""
    return dict(RpcNode.objects.exclude(fault="").values_list("address", "fault"))


def asks(world: World) -> int:
    return int(gateway.web3(world.ledger).eth.block_number)


# --- Fail-over ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FAULTS)
def test_a_node_that_does_not_answer_is_passed_over_within_the_call_and_then_left(
    founded: World, nodes: list[FaultyNode], name: str
) -> None:
    fault, noticed = FAULTS[name]
    fault(nodes[0])
    assert asks(founded) == founded.height
    asks(founded)
    assert left() == {nodes[0].url: noticed}
    seen = len(nodes[0].asked)
    assert asks(founded) == founded.height
    assert len(nodes[0].asked) == seen, "it is asked no more"
    told = Event.objects.get(action="ledger_node.left")
    assert (told.subject_label, told.data["fault"]) == (nodes[0].url, noticed)


def test_one_failure_is_no_reason_to_leave(founded: World, nodes: list[FaultyNode]) -> None:
    client = gateway.web3(founded.ledger)
    nodes[0].fails()
    assert client.eth.block_number == founded.height
    nodes[0].heals()
    assert client.eth.block_number == founded.height
    assert left() == {}
    assert nodes[0].methods[-1] == "eth_blockNumber"


def test_an_address_where_nobody_listens_is_passed_over(
    founded: World, nodes: list[FaultyNode], settings: Any
) -> None:
    nobody = f"http://127.0.0.1:{child.free_port()}"
    settings.LEDGER_URL = f"{nobody} {nodes[1].url}"
    assert asks(founded) == founded.height
    assert left() == {nobody: Fault.SILENT}


def test_what_a_node_refuses_for_good_reason_is_no_fault_of_its(
    founded: World, nodes: list[FaultyNode], banks: list[Institution]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.votes(banks[0], proposal)
    again = founded.wants("again", founded.ballot(banks[0], proposal))
    founded.work()
    again.refresh_from_db()
    assert again.error_code == "GovernorInvalidSignature"  # its keyed nonce is used up
    assert left() == {}


def test_what_is_no_reading_is_not_repeated_elsewhere(founded: World, nodes: list[FaultyNode]) -> None:
    client = gateway.web3(founded.ledger)
    nodes[0].cuts_off()
    with pytest.raises(LedgerUnreachable):
        client.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
    assert "evm_mine" in nodes[0].methods
    assert "evm_mine" not in nodes[1].methods


def test_with_none_that_answers_the_error_says_what_each_did(founded: World, nodes: list[FaultyNode]) -> None:
    nodes[0].fails()
    nodes[1].says(b"?")
    with pytest.raises(LedgerUnreachable, match=r"HTTP 500.*no JSON"):
        asks(founded)


def test_those_that_were_silent_are_tried_when_nothing_better_is_left(
    founded: World, nodes: list[FaultyNode]
) -> None:
    for node in nodes:
        node.hangs()
    with pytest.raises(LedgerUnreachable):
        asks(founded)
    assert set(left()) == {node.url for node in nodes}
    nodes[1].heals()
    assert asks(founded) == founded.height


def test_a_batch_that_a_node_does_not_take_is_asked_one_by_one(
    founded: World, banks: list[Institution], nodes: list[FaultyNode]
) -> None:
    class OneByOne(FaultyNode):
        def answer(self, body: bytes) -> bytes:
            if body.startswith(b"["):
                return b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "no batches"}}'
            return super().answer(body)

    before = rows(founded.ledger)
    picky = OneByOne(founded.anvil.url)
    try:
        client = gateway.client_of([picky.url])
        found = gateway.provider(client).ask_many([("eth_blockNumber", []), ("eth_nothing", [])])
        assert (int(found[0], 16), found[1].code) == (founded.height, -32601)
    finally:
        picky.close()
    assert rows(founded.ledger) == before


# --- Liars --------------------------------------------------------------------------------------------------
def test_a_node_of_another_chain_is_left_at_once(founded: World, nodes: list[FaultyNode]) -> None:
    nodes[0].tells("eth_chainId", lambda known: "0x1")
    assert asks(founded) == founded.height
    assert left() == {nodes[0].url: Fault.OTHER_LEDGER}


def test_a_node_with_another_genesis_is_left_at_once(founded: World, nodes: list[FaultyNode]) -> None:
    def another(block: Any) -> Any:
        return {**block, "hash": "0x" + "ab" * 32} if block and block["number"] == "0x0" else block

    nodes[0].tells("eth_getBlockByNumber", another)
    assert asks(founded) == founded.height
    assert left() == {nodes[0].url: Fault.OTHER_LEDGER}


def test_with_nothing_but_other_ledgers_that_is_what_is_said(founded: World, nodes: list[FaultyNode]) -> None:
    for node in nodes:
        node.tells("eth_chainId", lambda known: "0x1")
    with pytest.raises(OtherLedger):
        asks(founded)
    with pytest.raises(NoTrustedNode, match="other_ledger"):
        asks(founded)


def test_a_head_far_below_what_was_seen_is_not_believed(
    founded: World, nodes: list[FaultyNode], settings: Any
) -> None:
    settings.LEDGER_HEAD_TOLERANCE = 3
    founded.mine(10)
    founded.follow()
    nodes[0].tells("eth_blockNumber", lambda head: hex(int(head, 16) - 5))
    forget()
    assert asks(founded) == founded.height
    assert left() == {nodes[0].url: Fault.BEHIND}


def test_a_head_a_little_below_is_a_node_that_lags_and_takes_no_event_back(
    founded: World, banks: list[Institution], nodes: list[FaultyNode]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.votes(banks[0], proposal)
    founded.follow()
    before = rows(founded.ledger)
    end = founded.height
    nodes[0].tells("eth_blockNumber", lambda head: hex(end - 2))
    nodes[0].lies_about(
        "eth_getBlockByNumber",
        lambda question, answer: (
            answer if int(question["params"][0], 16) <= end - 2 else {**answer, "result": None}
        ),
    )
    founded.follow()
    assert rows(founded.ledger) == before
    assert not Event.objects.filter(action="ledger.reorganised").exists()
    assert left() == {}


def test_a_head_that_a_second_node_confirms_is_believed(
    founded: World, nodes: list[FaultyNode], settings: Any
) -> None:
    settings.LEDGER_HEAD_TOLERANCE = 3
    checkpoint = founded.rpc("evm_snapshot")
    founded.mine(10)
    founded.follow()
    assert founded.rpc("evm_revert", checkpoint)
    forget()
    assert asks(founded) == founded.height
    assert left() == {}


def test_a_node_that_withholds_events_is_noticed_by_the_blocks_own_filter_and_left(
    founded: World, banks: list[Institution], nodes: list[FaultyNode]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    nodes[0].tells("eth_getLogs", lambda logs: [])
    founded.votes(banks[0], proposal)
    founded.follow()
    assert CastVote.objects.count() == 1
    assert left() == {nodes[0].url: Fault.LOGS_MISSING}
    row = RpcNode.objects.get(fault=Fault.LOGS_MISSING)
    assert ChainEvent.objects.filter(block=row.evidence_block).exists()


def test_a_node_that_cuts_long_ranges_without_a_word_is_asked_for_shorter_ones(
    founded: World, banks: list[Institution], nodes: list[FaultyNode], settings: Any
) -> None:
    settings.LEDGER_LOG_RANGE = 40
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.mine(15)
    for bank in banks[:3]:
        founded.anybody_sends(founded.ballot(bank, proposal))

    def ten_blocks(question: Any, answer: Any) -> Any:
        """As FISCO BCOS does."""
        first = int(question["params"][0]["fromBlock"], 16)
        kept = [log for log in answer["result"] if int(log["blockNumber"], 16) < first + 10]
        return {**answer, "result": kept}

    for node in nodes:
        node.lies_about("eth_getLogs", ten_blocks)
    founded.follow()
    assert CastVote.objects.count() == 3
    assert left() == {}


def test_part_of_a_blocks_events_left_out_is_noticed_beside_a_second_node_and_read_again(
    founded: World, banks: list[Institution], nodes: list[FaultyNode]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.rpc("evm_setAutomine", False)
    for bank in banks[:3]:
        founded.wants(f"vote:{bank.uscc}", founded.ballot(bank, proposal))
    founded.work()
    nodes[0].tells("eth_getLogs", lambda logs: logs[1:])  # the block's filter is not empty, so it can't tell
    founded.mine()
    founded.rpc("evm_setAutomine", True)
    founded.follow()
    assert CastVote.objects.count() == 2
    watching.watch()
    assert CastVote.objects.count() == 3
    assert left() == {nodes[0].url: Fault.LOGS_MISSING}
    assert Event.objects.filter(action="ledger.read_again").exists()


def test_events_that_all_nodes_leave_out_are_missed_by_the_receipts_of_what_the_console_sent(
    founded: World, banks: list[Institution], nodes: list[FaultyNode]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.rpc("evm_setAutomine", False)
    for bank in banks[:3]:
        founded.wants(f"vote:{bank.uscc}", founded.ballot(bank, proposal))
    founded.work()
    for node in nodes:
        node.tells("eth_getLogs", lambda logs: logs[1:])
    founded.mine()
    founded.rpc("evm_setAutomine", True)
    relay.confirm_all(RelayTransaction.objects.filter(status="signed").values_list("pk", flat=True))
    founded.follow()
    assert CastVote.objects.count() == 2
    with pytest.raises(LedgerUnreachable):  # nobody is left who could be asked again
        watching.watch()
    assert left() == {node.url: Fault.LOGS_MISSING for node in nodes}
    for node in nodes:
        node.heals()
    with pytest.raises(LedgerUnreachable):
        watching.watch()
    watching.watch()
    assert left() == {}
    assert CastVote.objects.count() == 3


# --- The watch ----------------------------------------------------------------------------------------------
def test_the_watch_takes_a_node_again_after_two_good_looks(founded: World, nodes: list[FaultyNode]) -> None:
    nodes[0].hangs()
    asks(founded)
    watching.watch()
    assert left() == {nodes[0].url: Fault.SLOW}
    nodes[0].heals()
    watching.watch()
    assert left() == {nodes[0].url: Fault.SLOW}
    watching.watch()
    assert left() == {}
    told = Event.objects.filter(action__startswith="ledger_node.").order_by("id")
    assert [event.action for event in told] == ["ledger_node.left", "ledger_node.taken"]
    row = RpcNode.objects.get(address=nodes[0].url)
    assert (row.head, row.left_at) == (founded.height, None)
    seen = len(nodes[0].asked)
    asks(founded)
    assert len(nodes[0].asked) > seen


def test_a_liar_is_not_taken_again_while_it_lies(
    founded: World, banks: list[Institution], nodes: list[FaultyNode]
) -> None:
    nodes[0].tells("eth_getLogs", lambda logs: [])
    founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.follow()
    for _ in range(3):
        watching.watch()
    assert left() == {nodes[0].url: Fault.LOGS_MISSING}
    nodes[0].heals()
    for _ in range(2):
        watching.watch()
    assert left() == {}


def test_the_watch_notices_who_falls_behind(founded: World, nodes: list[FaultyNode], settings: Any) -> None:
    settings.LEDGER_HEAD_TOLERANCE = 3
    founded.mine(10)
    nodes[1].tells("eth_blockNumber", lambda head: hex(int(head, 16) - 4))
    watching.watch()
    assert left() == {nodes[1].url: Fault.BEHIND}


def test_what_is_left_in_one_process_is_left_in_all(
    founded: World, nodes: list[FaultyNode], victim: Callable[..., Any], banks: list[Institution]
) -> None:
    nodes[0].hangs()
    victim("follow").finishes()
    assert left() == {nodes[0].url: Fault.SLOW}
    nodes[0].heals()
    nodes[0].asked.clear()
    assert asks(founded) == founded.height
    assert nodes[0].asked == []


def test_a_node_is_left_though_the_transaction_that_met_it_is_rolled_back(
    founded: World, nodes: list[FaultyNode]
) -> None:
    nodes[0].tells("eth_chainId", lambda known: "0x1")
    with transaction.atomic():
        asks(founded)
        transaction.set_rollback(True)
    assert left() == {nodes[0].url: Fault.OTHER_LEDGER}


def test_one_address_alone_is_never_left(founded: World, settings: Any) -> None:
    node = FaultyNode(founded.anvil.url)
    settings.LEDGER_URL = node.url
    try:
        node.fails()
        for _ in range(3):
            with pytest.raises(LedgerUnreachable):
                asks(founded)
        node.heals()
        assert asks(founded) == founded.height
    finally:
        node.close()


def test_an_address_with_a_password_is_neither_stored_nor_shown(db: None) -> None:
    url = "https://console:hunter2@ledger.example:8545/rpc?key=s3cret"
    assert endpoint.shown(url) == "https://ledger.example:8545/rpc"
    assert Endpoint(url, 1.0)._headers["authorization"].startswith("Basic ")
    assert "hunter2" not in endpoint.key_of(url)


def forget() -> None:
    """As another process would begin: nothing is known yet but what is in the tables."""
    standing._read.clear()
    gateway._connections.__dict__.clear()


heads = st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=5)


@given(heads)
def test_whoever_has_the_best_head_is_never_behind(found: list[int]) -> None:
    looks = [Look(Endpoint(f"http://node-{n}.example", 1), head) for n, head in enumerate(found)]
    behind = {look.head for look in judged(looks) if look.fault is not None}
    assert max(found) not in behind
    assert behind == {head for head in found if head + standing.tolerance() < max(found)}
