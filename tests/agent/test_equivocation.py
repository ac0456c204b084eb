"""A console that signs two lists for one epoch, and shows each of two nodes another one.

Both are signed by the true keys, and each log is in order in itself: TUF alone can't tell. Two nodes that
compare can, and a node that asks its own ledger can alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from web3 import Web3
from web3.contract import Contract

from consortium.core import clock
from consortium.members.models import Node
from governance.agent import compare, log
from governance.permissions import digests, logbook
from governance.permissions.digests import Entry, Former, Part
from governance.permissions.models import Epoch
from governance.permissions.published import Target
from governance.permissions.repository.content import Content
from governance.permissions.tufrepo import Repository
from tests.contracts.alliance import FOUNDER, deploy, padded
from tests.contracts.conftest import running_anvil
from tests.permissions.world import World

pytestmark = pytest.mark.django_db(transaction=True)

NETWORK = "settlement"


@pytest.fixture(scope="module")
def ledger() -> Iterator[Web3]:
    with running_anvil() as ledger:
        yield ledger


@pytest.fixture
def contract(ledger: Web3) -> Contract:
    return deploy(ledger, "EpochAnchors", FOUNDER, FOUNDER)


@pytest.fixture
def banks(world: World) -> tuple[Node, Node]:
    """Two nodes that were given the first list, both the same."""
    nodes = world.admitted("heming-bank/n1"), world.admitted("dongli-bank/n1")
    world.work()
    world.start_gateway()
    for node in nodes:
        world.configure(node)
        done = world.agent_once(node)
        assert done.returncode == 0, done.stderr
    return nodes


@pytest.fixture
def other(world: World, banks: tuple[Node, Node], tmp_path: Path) -> Path:
    """The second list in two versions: what everybody is given, and what is kept for Dongli Bank."""
    world.admitted("haitang-bank/n1")
    world.work()
    copied = Path(shutil.copytree(settings.TUF_DIR, tmp_path / "other"))
    Repository(copied).publish({NETWORK: forged(world)}, clock.now())
    return copied


def forged(world: World) -> dict[str, Content]:
    """Another ``permissions.json`` for the second epoch, with a log that says so."""
    epoch, first = world.published(), logbook.part(NETWORK, 1, 1)
    assert epoch.number == first.entries[0].epoch + 1
    files = {file.path: bytes(file.content) for file in epoch.files.all()}
    listed = json.loads(files["permissions.json"])
    listed["nodes"] = listed["nodes"][:1]  # as if one bank alone were left
    files["permissions.json"] = json.dumps(listed).encode()
    hashes = {path: Content.of(Target(content, {})).sha256 for path, content in files.items()}
    entry = Entry(epoch.number, digests.of_files(hashes))
    head = digests.after(first.head, NETWORK, entry)
    part = Part(NETWORK, 1, digests.START, [*first.entries, entry], head)
    custom = {"epoch": epoch.number, "block": epoch.block, "tx_hash": epoch.tx_hash, "effective_at": ""}
    return {
        **{path: Content.of(Target(content, custom)) for path, content in files.items()},
        digests.PATH: Content.of(Target(digests.document(part, files=hashes), {"epoch": epoch.number})),
    }


def given_the_other(world: World, other: Path, node: Node) -> None:
    """From now on this node is served the other repository."""
    url = world.gateway_url
    world.start_gateway(TUF_DIR=str(other))
    config = world.folder(node) / "agent.toml"
    config.write_text(config.read_text().replace(url, world.gateway_url))


def asks_its_ledger(world: World, node: Node, ledger: Web3, contract: Contract) -> None:
    config = world.folder(node) / "agent.toml"
    url = str(ledger.provider.endpoint_uri)  # type: ignore[attr-defined]
    config.write_text(f'{config.read_text()}\n[ledger]\nurl = "{url}"\ncontract = "{contract.address}"\n')


def states(world: World, *nodes: Node) -> list[str]:
    return [str(world.folder(node) / "state") for node in nodes]


def test_two_nodes_that_compare_find_it(
    world: World, banks: tuple[Node, Node], other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heming, dongli = banks
    assert compare.main(["--language", "en", *states(world, heming, dongli)]) == compare.SAME
    assert world.agent_once(heming).returncode == 0
    given_the_other(world, other, dongli)
    assert "epoch 2 is in force" in world.agent_once(dongli).stderr, "by itself it can't know"
    assert len(json.loads(world.in_force(dongli))["nodes"]) == 1
    capsys.readouterr()
    assert compare.main(["--language", "en", *states(world, heming, dongli)]) == compare.DIFFERENT
    assert "The first list that differs is number 2" in capsys.readouterr().out


def test_a_node_that_asks_its_ledger_finds_it_alone(
    world: World, banks: tuple[Node, Node], other: Path, ledger: Web3, contract: Contract
) -> None:
    heming, dongli = banks
    newest = logbook.newest(NETWORK)
    assert newest is not None
    anchor = contract.functions.anchor(padded(NETWORK), newest.position, bytes.fromhex(newest.head))
    anchor.transact({"from": FOUNDER, "gasPrice": 0})
    for node in banks:
        asks_its_ledger(world, node, ledger, contract)
    before = world.in_force(dongli)
    done = world.agent_once(heming)
    assert done.returncode == 0, done.stderr
    given_the_other(world, other, dongli)
    done = world.agent_once(dongli)
    assert done.returncode == 1
    assert "the ledger has another head for 2 entries" in done.stderr
    assert world.in_force(dongli) == before, "nothing of it was put in force"
    assert log.load(world.folder(dongli) / "state").size == 1, "nor is it remembered as if it were right"


def test_who_was_given_the_other_one_never_comes_back_unnoticed(
    world: World, banks: tuple[Node, Node], other: Path
) -> None:
    """Once shown a fork, the node takes nothing of the common log any more: somebody has to look."""
    _heming, dongli = banks
    url = world.gateway_url
    given_the_other(world, other, dongli)
    assert "epoch 2 is in force" in world.agent_once(dongli).stderr
    config = world.folder(dongli) / "agent.toml"
    config.write_text(config.read_text().replace(world.gateway_url, url))
    for name in ("nanpu-bank/n1", "yunting-bank/n1"):  # beyond the version that the other one has
        world.admitted(name)
        world.work()
    done = world.agent_once(dongli)
    assert done.returncode == 1
    assert "forked" in done.stderr or "older" in done.stderr


def held_back(world: World, *, named: bool) -> dict[str, Content]:
    """The true second epoch and its true log, for nobody yet; and a forged first one for those who wait.

    ``named``: the log.json says of the forged files, too, that they are the former ones.
    """
    newest, part = world.published(), logbook.newest_part(NETWORK)
    first = Epoch.objects.get(network=NETWORK, number=1)
    assert part is not None
    before = {file.path: bytes(file.content) for file in first.files.all()}
    listed = json.loads(before["permissions.json"])
    listed["nodes"] = listed["nodes"][:1]
    before["permissions.json"] = json.dumps(listed).encode()
    old = {path: Content.of(Target(content, {"epoch": 1})) for path, content in before.items()}
    former = Former(1, {path: content.sha256 for path, content in old.items()})
    log_json = digests.document(part, files=logbook.files_of(newest), former=former if named else None)
    stage = {
        "network": NETWORK,
        "epoch": 2,
        "from": 1,
        "canaries": [],
        "share": 0,
        "salt": "",
        "halted": True,
    }
    custom = {"epoch": newest.number}
    return {
        **{file.path: Content.of(Target(bytes(file.content), custom)) for file in newest.files.all()},
        **{f"previous/{path}": content for path, content in old.items()},
        "rollout.json": Content.of(Target(json.dumps(stage).encode(), custom)),
        digests.PATH: Content.of(Target(log_json, custom)),
    }


@pytest.mark.parametrize("named", [False, True])
def test_who_is_held_back_takes_no_former_list_but_the_one_that_was_logged(
    world: World, banks: tuple[Node, Node], tmp_path: Path, *, named: bool
) -> None:
    """With a network's key: everybody waits, the log is honest, and what they wait with is forged."""
    _heming, dongli = banks
    world.admitted("haitang-bank/n1")
    world.work()
    copied = Path(shutil.copytree(settings.TUF_DIR, tmp_path / "other"))
    Repository(copied).publish({NETWORK: held_back(world, named=named)}, clock.now())
    given_the_other(world, copied, dongli)
    before = world.in_force(dongli)
    done = world.agent_once(dongli)
    assert world.in_force(dongli) == before, "nothing of it was put in force"
    assert (done.returncode, "the log of digests is not to be trusted (files)" in done.stderr) == (1, True)
