"""Who controls what is served, and even holds one of the keys, gets no reader to take what was not decided.

Each attack is tried on the stock client and on a real agent, which reads by nginx. None applies what was
forged or is older, and each takes the newest list again as soon as it is served.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, TargetFile
from tuf.api.serialization.json import JSONSerializer

from certs import keys
from consortium.members.models import Node
from governance.permissions.repository import roles
from governance.permissions.tufrepo import Repository
from tests.permissions.conftest import PASSPHRASE
from tests.permissions.tuf.clients import Handler, Stock, plain_http
from tests.permissions.tuf.web_server import start_nginx
from tests.permissions.world import World

LIST = "settlement/permissions.json"
FORGED = b'{"network": "settlement", "epoch": 9, "nodes": []}\n'


class Thief:
    """Somebody who may write what is served, and holds the keys that they were given."""

    def __init__(self, *stolen: str) -> None:
        self.metadata = Path(settings.TUF_DIR) / "metadata"
        self.signers = {name: CryptoSigner(keys.open_key(name, PASSPHRASE)) for name in stolen}
        self.own = CryptoSigner(Ed25519PrivateKey.generate())
        self.state = Repository().state()

    def write(self, signed: Any, name: str, key: str) -> MetaFile:
        """Signed by a stolen key, or where they have not got it, by one of their own under the right id."""
        made = Metadata(signed)
        signer = self.signers.get(key)
        if signer is None:
            signer = self.own
        made.sign(signer)
        data = made.to_bytes(JSONSerializer(compact=True))
        (self.metadata / name).write_bytes(data)
        return MetaFile.from_data(signed.version, data, ["sha256"])

    def forged_role(self, network: str, version: int) -> MetaFile:
        """The network's role, naming a list of their own for settlement."""
        role = copy.deepcopy(self.state.lists[network])
        role.version = version
        described = TargetFile.from_data(LIST, FORGED, ["sha256"])
        described.unrecognized_fields["custom"] = {"epoch": 9}
        role.targets = {**role.targets, LIST: described}
        place = (
            Path(settings.TUF_DIR) / "targets/settlement" / f"{described.hashes['sha256']}.permissions.json"
        )
        place.write_bytes(FORGED)
        return self.write(role, f"{version}.{network}.json", roles.key_of(network))

    def publish(self, **metas: MetaFile) -> None:
        """Snapshot and timestamp of the next version, with these roles."""
        snapshot, timestamp = copy.deepcopy(self.state.snapshot), copy.deepcopy(self.state.timestamp)
        snapshot.version += 1
        snapshot.meta.update({f"{name}.json": meta for name, meta in metas.items()})
        timestamp.snapshot_meta = self.write(snapshot, f"{snapshot.version}.snapshot.json", "lists-snapshot")
        timestamp.version += 1
        self.write(timestamp, "timestamp.json", "lists-timestamp")


def rollback(kept: Path) -> None:
    """An older repository is put back."""
    shutil.rmtree(Path(settings.TUF_DIR) / "metadata")
    shutil.copytree(kept / "metadata", Path(settings.TUF_DIR) / "metadata")


def freeze(kept: Path) -> None:
    """What was true once is served for ever: its timestamp has run out."""
    thief = Thief("lists-timestamp")
    thief.state.timestamp.expires = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    thief.state.timestamp.version += 1
    thief.write(thief.state.timestamp, "timestamp.json", "lists-timestamp")


def wrong_key(kept: Path) -> None:
    """Everything is signed, by somebody else."""
    thief = Thief()
    thief.publish(settlement=thief.forged_role("settlement", 9))


def mix_and_match(kept: Path) -> None:
    """With the snapshot's key: the snapshot that is in force says that an older list belongs to it."""
    thief = Thief("lists-snapshot")
    old = MetaFile.from_data(1, (thief.metadata / "1.settlement.json").read_bytes(), ["sha256"])
    thief.state.snapshot.meta["settlement.json"] = old
    name = f"{thief.state.snapshot.version}.snapshot.json"
    thief.write(thief.state.snapshot, name, "lists-snapshot")


def timestamps_key(kept: Path) -> None:
    """With the timestamp's key: a timestamp of a snapshot of their own."""
    thief = Thief("lists-timestamp")
    thief.publish(settlement=thief.forged_role("settlement", 9))


def snapshots_key(kept: Path) -> None:
    """With the snapshot's key: a next snapshot with a role of their own."""
    thief = Thief("lists-snapshot")
    thief.publish(settlement=thief.forged_role("settlement", 9))


def targets_key(kept: Path) -> None:
    """With the targets' key: the network is delegated to a key of their own."""
    thief = Thief("lists-targets")
    thief.signers["lists-network-settlement"] = thief.own
    targets = copy.deepcopy(thief.state.targets)
    targets.version += 1
    key = SSlibKey.from_crypto(thief.own.public_key._crypto_key())
    assert targets.delegations is not None
    assert targets.delegations.roles is not None
    targets.delegations.keys[key.keyid] = key
    targets.delegations.roles["settlement"].keyids = [key.keyid]
    meta = thief.write(targets, f"{targets.version}.targets.json", "lists-targets")
    thief.publish(targets=meta, settlement=thief.forged_role("settlement", 9))


def networks_key(kept: Path) -> None:
    """With the network's own key: its role is changed where it lies."""
    thief = Thief("lists-network-settlement")
    thief.forged_role("settlement", thief.state.lists["settlement"].version)


ATTACKS: list[Callable[[Path], None]] = [
    rollback, freeze, wrong_key, mix_and_match, timestamps_key, snapshots_key, targets_key, networks_key
]  # fmt: skip

# What these change, a reader that has the right one already does not even fetch.
UNSEEN = {mix_and_match, networks_key}


@pytest.fixture
def published(world: World) -> Path:
    """Two epochs of settlement and one of custody; what was there before the second is kept."""
    world.admitted("heming-bank/n1")
    world.admitted("yunling-bank/n1", network="custody")
    world.work()
    kept = shutil.copytree(settings.TUF_DIR, world.home / "kept")
    world.admitted("qingchuan-bank/n1")
    world.work()
    return kept


@pytest.fixture
def reader(published: Path, world: World) -> Iterator[Stock]:
    with plain_http(settings.TUF_DIR) as url:
        yield Stock(world.home / "client", url, (settings.TUF_DIR / "root.json").read_bytes())


@pytest.mark.django_db
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_stock_client_is_not_deceived(
    reader: Stock, world: World, published: Path, attack: Callable[[Path], None]
) -> None:
    newest = world.content("permissions.json")
    assert reader.fetch(LIST) == newest
    right = shutil.copytree(settings.TUF_DIR, world.home / "right")
    attack(published)
    if attack in UNSEEN:
        assert reader.fetch(LIST) == newest
    else:
        with pytest.raises(RepositoryError):
            reader.fetch(LIST)
    if attack is not rollback:  # who never saw the newer one can't know that there is one
        stranger = Stock(world.home / "stranger", reader.url, reader.root)
        with pytest.raises(RepositoryError):
            stranger.fetch(LIST)
    shutil.rmtree(settings.TUF_DIR / "metadata")
    shutil.copytree(right / "metadata", settings.TUF_DIR / "metadata")
    if attack not in {freeze, timestamps_key}:  # after these the next of our timestamps must be above theirs
        assert reader.fetch(LIST) == newest


@pytest.mark.django_db(transaction=True)
@pytest.mark.peer("nginx")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_agent_is_not_deceived(world: World, published: Path, attack: Callable[[Path], None]) -> None:
    heming = Node.objects.select_related("institution").get(institution__short_name="heming-bank")
    start_nginx(world)
    world.configure(heming)
    world.agent_once(heming)
    newest = world.content("permissions.json")
    assert world.in_force(heming) == newest
    attack(published)
    done = world.agent_once(heming)
    assert ("NotTrusted" in done.stderr) is (attack not in UNSEEN), done.stderr
    assert world.in_force(heming) == newest


@pytest.mark.django_db
def test_not_even_three_stolen_keys_of_another_network_reach_this_one(reader: Stock, world: World) -> None:
    newest = world.content("permissions.json")
    thief = Thief("lists-network-custody", "lists-snapshot", "lists-timestamp")
    thief.publish(custody=thief.forged_role("custody", 2))
    assert reader.fetch(LIST) == newest, "custody's role has no say about settlement's paths"
    updater = reader.updater()
    updater.refresh()
    info = updater.get_targetinfo("custody/permissions.json")
    assert info is not None
    assert info.custom["epoch"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["timestamp.json", "snapshot.json", "targets.json", "settlement.json", "permissions.json"]
)
def test_endless_data_are_cut_off(published: Path, world: World, name: str) -> None:
    sent = []

    class Endless(Handler):
        def do_GET(self) -> None:
            if not self.path.endswith(name):
                return super().do_GET()
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(1000):
                    self.wfile.write(b"0" * 65536)
                    sent.append(65536)
            except OSError:
                return None
            return None

    with plain_http(settings.TUF_DIR, Endless) as url:
        client = Stock(world.home / "client", url, (settings.TUF_DIR / "root.json").read_bytes())
        with pytest.raises((DownloadLengthMismatchError, RepositoryError)):
            client.fetch(LIST)
    assert sum(sent) < 1000 * 65536, "the client hung up"


@pytest.mark.django_db
def test_a_change_in_one_network_signs_that_network_alone(published: Path, world: World) -> None:
    metadata = settings.TUF_DIR / "metadata"
    before = {path.name for path in metadata.iterdir()}
    files = {path for path in (settings.TUF_DIR / "targets").rglob("*") if path.is_file()}
    world.admitted("jinhe-bank/n1")
    world.work()
    made = sorted(name.partition(".")[2] for name in {path.name for path in metadata.iterdir()} - before)
    assert made == ["settlement.json", "snapshot.json"]
    new = {path for path in (settings.TUF_DIR / "targets").rglob("*") if path.is_file()} - files
    assert {path.relative_to(settings.TUF_DIR / "targets").parts[0] for path in new} == {"settlement"}


@pytest.mark.django_db
def test_a_repository_from_before_delegation_goes_on(world: World) -> None:
    world.admitted("heming-bank/n1")
    flatten(world)
    with plain_http(settings.TUF_DIR) as url:
        client = Stock(world.home / "client", url, (settings.TUF_DIR / "root.json").read_bytes())
        world.work()
        assert client.fetch(LIST) == world.content("permissions.json")
        assert not Repository().state().targets.targets


def flatten(world: World) -> None:
    """As it was installed once: one targets role with everybody's lists, and no hashes of metadata."""
    thief = Thief("lists-targets", "lists-snapshot", "lists-timestamp")
    old = b'{"network": "settlement", "epoch": 0}\n'
    described = TargetFile.from_data(LIST, old, ["sha256"])
    described.unrecognized_fields["custom"] = {"epoch": 0}
    targets, snapshot, timestamp = thief.state.targets, thief.state.snapshot, thief.state.timestamp
    targets.targets, targets.version = {LIST: described}, 2
    thief.write(targets, "2.targets.json", "lists-targets")
    snapshot.meta, snapshot.version = {"targets.json": MetaFile(2)}, 2
    thief.write(snapshot, "2.snapshot.json", "lists-snapshot")
    timestamp.snapshot_meta, timestamp.version = MetaFile(2), 2
    thief.write(timestamp, "timestamp.json", "lists-timestamp")
    assert json.loads((thief.metadata / "2.targets.json").read_text())["signed"]["targets"]


@pytest.mark.django_db
def test_a_network_called_like_a_role_of_tufs_has_a_role_of_its_own(world: World) -> None:
    world.admitted("heming-bank/n1", network="root")
    world.work()
    assert (settings.TUF_DIR / "metadata/1.root_.json").exists()
    with plain_http(settings.TUF_DIR) as url:
        client = Stock(world.home / "client", url, (settings.TUF_DIR / "root.json").read_bytes())
        assert client.fetch("root/permissions.json") == world.content("permissions.json", "root")
