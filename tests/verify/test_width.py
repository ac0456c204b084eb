"""A node that quietly answers for fewer blocks than it was asked for makes no statement come out false."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.bundles import bundle_of
from tests.chain.faulty import FaultyNode
from tests.proposals.stage import Stage, rpc
from tests.verify.conftest import Story
from tests.verify.test_verify import verify

HINT = "--width 10"
Tells = Callable[[int, int], range]  # of which blocks, asked from one to another


def first_ten(start: int, end: int) -> range:
    """As FISCO BCOS does."""
    return range(start, start + 10)


def last_ten(start: int, end: int) -> range:
    return range(end - 9, end + 1)


@pytest.fixture
def narrow(settings: Any) -> Iterator[Callable[[Tells], FaultyNode]]:
    """A node before the ledger that tells of some blocks only, whatever is asked."""
    opened = []

    def make(tells: Tells) -> FaultyNode:
        def some(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            asked = question["params"][0]
            told = tells(int(asked["fromBlock"], 16), int(asked["toBlock"], 16))
            return {
                **answer,
                "result": [log for log in answer["result"] if int(log["blockNumber"], 16) in told],
            }

        node = FaultyNode(settings.LEDGER_URL)
        node.lies_about("eth_getLogs", some)
        opened.append(node)
        return node

    yield make
    for node in opened:
        node.close()


@pytest.mark.parametrize("tells", [first_ten, last_ten])
def test_what_the_node_keeps_to_itself_is_not_held_against_the_bundle(
    story: Story, narrow: Callable[[Tells], FaultyNode], tmp_path: Path, tells: Tells
) -> None:
    rpc(story.stage.web3, "anvil_mine", hex(30))
    node, file = narrow(tells), tmp_path / "bundle.json"
    file.write_bytes(story.bundle)

    by_default = verify(file, "--ledger", node.url)

    assert by_default.returncode == 1, by_default.stdout + by_default.stderr
    assert by_default.stdout.splitlines()[-1].startswith("NOT PROVEN (width_unanswered)")
    assert HINT in by_default.stdout
    assert HINT in verify(file, "--ledger", node.url, "--language", "zh").stdout
    for width in (10, 7):
        few = verify(file, "--ledger", node.url, "--width", width)
        assert few.returncode == 0, few.stdout + few.stderr


def test_a_vote_that_the_node_keeps_to_itself_is_not_proven_absent(
    stage: Stage, narrow: Callable[[Tells], FaultyNode], keys: Path, settings: Any, tmp_path: Path
) -> None:
    """The bundle's own logs all lie where the node tells of them, a later vote does not."""
    founding = stage.seats.events.FoundingClosed().get_logs(from_block=0)[-1]["blockNumber"]
    ahead = 1000 - (stage.web3.eth.block_number - founding)
    rpc(stage.web3, "anvil_mine", hex(ahead))
    vote = stage.voting("admit_institution")
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle_of(vote))
    assert verify(file, "--ledger", settings.LEDGER_URL).returncode == 0
    rpc(stage.web3, "anvil_mine", hex(20))
    stage.cast(stage.banks[1], vote, 0)
    stage.work()
    node = narrow(first_ten)

    for url, width, code in (
        (node.url, 1000, "width_unanswered"),
        (node.url, 10, "vote_left_out"),
        (settings.LEDGER_URL, 1000, "vote_left_out"),
    ):
        said = verify(file, "--ledger", url, "--width", width)
        assert said.returncode == 1, said.stdout + said.stderr
        assert f"NOT PROVEN ({code})" in said.stdout, said.stdout
