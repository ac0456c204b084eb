"""The signed repository: what a TUF client can fetch and trust."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from tuf.api.exceptions import UnsignedMetadataError

from certs import keys
from certs.errors import KeysNotAvailable
from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from governance.chain.models import IndexedBlock
from governance.permissions import selectors, services, tasks, tufrepo
from governance.permissions.errors import NoListKeys, RepositoryLost
from governance.permissions.models import Delivery, Epoch
from governance.permissions.tufrepo import Repository
from tests.permissions.conftest import PASSPHRASE
from tests.permissions.world import World

pytestmark = pytest.mark.django_db


def metadata(directory: Path, name: str) -> dict[str, Any]:
    return json.loads((directory / "metadata" / name).read_text())["signed"]


def test_the_ceremony_makes_a_root_with_a_threshold_and_is_done_once(places: Path, settings: Any) -> None:
    root = Repository().root()
    assert root.roles["root"].threshold == 2
    assert len(root.roles["root"].keyids) == 3
    before = (settings.TUF_DIR / "root.json").read_bytes()
    assert not tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now())
    assert (settings.TUF_DIR / "root.json").read_bytes() == before


@pytest.mark.parametrize("left", ["nothing", "1.root.json"])
def test_a_ceremony_that_broke_off_is_finished_with_the_keys_it_made(
    places: Path, settings: Any, left: str
) -> None:
    before = Repository().root().roles["timestamp"].keyids
    for path in [*(settings.TUF_DIR / "metadata").iterdir(), settings.TUF_DIR / "root.json"]:
        if path.name != left:
            path.unlink()
    with pytest.raises(NoListKeys):
        services.publish()
    assert tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now())
    assert Repository().root().roles["timestamp"].keyids == before


def test_every_file_is_a_target_with_its_epoch_block_and_transaction(world: World, settings: Any) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    epoch = Epoch.objects.get()
    targets = Repository().state().all_files()
    assert set(targets) == {f"settlement/{path}" for path in epoch.files.values_list("path", flat=True)}
    for path, target in targets.items():
        assert target.custom == {
            "epoch": 1,
            "block": epoch.block,
            "tx_hash": epoch.tx_hash,
            "effective_at": epoch.effective_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        folder, _, name = path.rpartition("/")
        published = settings.TUF_DIR / "targets" / folder / f"{target.hashes['sha256']}.{name}"
        assert published.read_bytes() == bytes(epoch.files.get(path=path.removeprefix("settlement/")).content)


def test_publishing_says_so_and_wants_every_listed_node_to_have_it(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.work()
    assert Event.objects.get(action="epoch.published").data["epoch"] == 1
    assert Delivery.objects.get(node=node).wanted_epoch == 1


def test_publishing_twice_signs_nothing_again(world: World, settings: Any) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    before = {path: path.read_bytes() for path in settings.TUF_DIR.rglob("*.json")}
    assert services.publish() == []
    assert {path: path.read_bytes() for path in settings.TUF_DIR.rglob("*.json")} == before


def test_only_the_newest_of_several_epochs_is_published(world: World) -> None:
    world.admitted("heming-bank/n1")
    services.compile_epoch(world.node("heming-bank/n3").network, cause="first")
    world.admitted("qingchuan-bank/n1")
    services.compile_epoch(world.node("heming-bank/n2").network, cause="second")
    assert [epoch.number for epoch in services.publish()] == [2]
    assert Epoch.objects.get(number=1).published_at is None


def test_networks_share_the_repository(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.admitted("heming-bank/n2", network="custody")
    world.work()
    targets = Repository().state().all_files()
    assert {path.partition("/")[0] for path in targets} == {"settlement", "custody"}


def test_a_timestamp_is_signed_again_at_half_of_its_life(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    before = Repository().state()
    with clock.frozen(datetime.now(UTC) + timedelta(hours=11)):
        tasks.renew_signatures()
    assert Repository().state().timestamp.version == before.timestamp.version
    with clock.frozen(datetime.now(UTC) + timedelta(hours=13)):
        tasks.renew_signatures()
    after = Repository().state()
    assert after.timestamp.version == before.timestamp.version + 1
    assert after.targets.version == before.targets.version
    assert after.timestamp.expires > before.timestamp.expires + timedelta(hours=12)


def test_targets_and_snapshot_are_renewed_in_their_time_too(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    before = Repository().state()
    with clock.frozen(datetime.now(UTC) + timedelta(days=50)):
        services.refresh()
    after = Repository().state()
    assert after.targets.version == before.targets.version + 1
    assert after.snapshot.meta["targets.json"].version == after.targets.version
    assert after.lists["settlement"].version == before.lists["settlement"].version + 1
    assert after.snapshot.meta["settlement.json"].version == after.lists["settlement"].version
    assert after.all_files() == before.all_files()


def test_a_deleted_target_file_is_written_again(world: World, settings: Any) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    lost = next((settings.TUF_DIR / "targets" / "settlement").glob("*.permissions.json"))
    content = lost.read_bytes()
    lost.unlink()
    services.refresh()
    assert lost.read_bytes() == content


def test_a_process_without_the_passphrase_cannot_publish(world: World, settings: Any) -> None:
    world.admitted("heming-bank/n1")
    settings.SIGNING_PASSPHRASE_FILE = None
    world.work()
    owed = OutboxMessage.objects.get(topic="permissions.publish")
    assert owed.done_at is None
    assert "KeysNotAvailable" in owed.last_error
    with pytest.raises(KeysNotAvailable):
        services.publish()


def test_before_the_ceremony_nothing_can_be_published(world: World, settings: Any, tmp_path: Path) -> None:
    settings.TUF_DIR = tmp_path / "elsewhere"
    with pytest.raises(NoListKeys):
        services.publish()
    tasks.renew_signatures()
    assert not settings.TUF_DIR.exists()


def test_a_lost_repository_is_not_begun_afresh(world: World, settings: Any) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    (settings.TUF_DIR / "metadata" / "timestamp.json").unlink()
    with pytest.raises(RepositoryLost):
        services.publish()


@pytest.mark.parametrize("lost", ["the directory", "the metadata", "timestamp.json", "1.root.json"])
def test_once_an_epoch_was_published_no_ceremony_begins_again(
    world: World, settings: Any, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    metadata = settings.TUF_DIR / "metadata"
    if lost in {"the directory", "the metadata"}:
        shutil.rmtree(settings.TUF_DIR if lost == "the directory" else metadata)
    else:
        (metadata / lost).unlink()
    left = sorted(settings.TUF_DIR.rglob("*"))
    for refused in (Repository().state, services.publish):
        with pytest.raises(RepositoryLost):
            refused()
    with pytest.raises(RepositoryLost):
        tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now())
    tasks.renew_signatures()
    assert str(settings.TUF_DIR) in caplog.text, "the worker's log must say so"
    with pytest.raises(CommandError, match=str(settings.TUF_DIR)):
        call_command("create_list_keys", "--passphrase-file", settings.SIGNING_PASSPHRASE_FILE)
    assert sorted(settings.TUF_DIR.rglob("*")) == left, "nothing was begun"


def test_a_repository_older_than_what_was_published_is_as_good_as_lost(
    world: World, settings: Any, tmp_path: Path
) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    kept = shutil.copytree(settings.TUF_DIR, tmp_path / "kept")
    world.admitted("qingchuan-bank/n1")
    world.work()
    shutil.rmtree(settings.TUF_DIR)
    shutil.copytree(kept, settings.TUF_DIR)
    with pytest.raises(RepositoryLost):
        services.publish()
    with pytest.raises(RepositoryLost):
        tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now())


def test_signatures_are_renewed_though_a_list_cannot_be_rechecked(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    before = Repository().state().timestamp.version
    IndexedBlock.objects.all().delete()
    with clock.frozen(datetime.now(UTC) + timedelta(hours=13)):
        tasks.recheck_lists()
        tasks.renew_signatures()
    assert Repository().state().timestamp.version == before + 1
    assert caplog.text == "", "a console without a ledger says nothing every minute"


def test_both_regular_tasks_are_beats_and_only_one_needs_the_signing_worker(settings: Any) -> None:
    beats = {entry["task"]: entry["options"]["queue"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert beats["permissions.recheck_lists"] == "default"
    assert beats["permissions.renew_signatures"] == "signing"


def test_a_node_taken_off_the_list_is_owed_nothing_more(world: World) -> None:
    away, stays = world.admitted("heming-bank/n1"), world.admitted("qingchuan-bank/n1")
    world.work()
    world.role(away, 0)
    world.work()
    assert Delivery.objects.get(node=away).wanted_epoch == 0, "what it applied: nothing"
    assert Delivery.objects.get(node=stays).wanted_epoch == 2
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert [row.node for row in selectors.nodes_behind()] == [stays]
        assert [row.node for row in selectors.behind()] == [stays]


def test_a_key_that_the_root_does_not_name_publishes_nothing(world: World, settings: Any) -> None:
    world.admitted("heming-bank/n1")
    (settings.KEY_DIR / "lists-timestamp.key").unlink()
    keys.seal("lists-timestamp", Ed25519PrivateKey.generate(), PASSPHRASE)
    before = (settings.TUF_DIR / "metadata" / "timestamp.json").read_bytes()
    services.compile_epoch(world.node("heming-bank/n2").network, cause="test")
    with pytest.raises(UnsignedMetadataError):
        services.publish()
    assert (settings.TUF_DIR / "metadata" / "timestamp.json").read_bytes() == before
    assert Epoch.objects.get().published_at is None
