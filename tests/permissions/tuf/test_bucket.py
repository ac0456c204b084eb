"""Lists in a bucket: a server that speaks S3, read over plain HTTP by the stock client."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from django.core.management import call_command
from django.test import Client

from consortium.core import clock
from consortium.stack import child
from governance.permissions import services, tasks
from governance.permissions.errors import KeptTooShort
from governance.permissions.models import Epoch
from governance.permissions.repository import mirror, parts
from governance.permissions.tufrepo import Repository
from tests.permissions.tuf.clients import Stock
from tests.permissions.world import World, eventually

pytestmark = pytest.mark.django_db

LIST = "settlement/permissions.json"
ACCESS = {"aws_access_key_id": "console", "aws_secret_access_key": "told to nobody"}


class Bucket:
    """A bucket that everybody may read, of a server of the test's own."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, child.free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.client = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **ACCESS)
        self.puts: list[str] = []

    def start(self) -> Any:
        popen = child.spawn(
            [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            log=self.home / "bucket.log",
            env=dict(os.environ),
        )
        eventually(lambda: child.listening(self.port) or popen.poll() is not None, "the server listens")
        self.client.create_bucket(Bucket="lists")
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
        policy = {"Version": "2012-10-17", "Statement": [{**everybody, "Resource": "arn:aws:s3:::lists/*"}]}
        self.client.put_bucket_policy(Bucket="lists", Policy=json.dumps(policy))
        return popen

    def names(self) -> set[str]:
        found = self.client.list_objects_v2(Bucket="lists").get("Contents", [])
        return {one["Key"].removeprefix("alliance/") for one in found}


@pytest.fixture
def bucket(world: World, settings: Any) -> Bucket:
    made = Bucket(world.home)
    world.processes.append(made.start())
    options = {
        "bucket_name": "lists",
        "location": "alliance",
        "endpoint_url": made.endpoint,
        "region_name": "us-east-1",
        "file_overwrite": True,
        "access_key": ACCESS["aws_access_key_id"],
        "secret_key": ACCESS["aws_secret_access_key"],
    }
    lists = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "lists": lists}
    return made


@pytest.fixture
def reader(bucket: Bucket, world: World, settings: Any) -> Stock:
    """One admitted node, published; a client that knows the bucket's address and root.json alone."""
    world.admitted("heming-bank/n1")
    world.work()
    address = f"{bucket.endpoint}/lists/alliance"
    return Stock(world.home / "client", address, (settings.TUF_DIR / "root.json").read_bytes())


def test_the_stock_client_reads_every_epoch_from_the_bucket(reader: Stock, world: World) -> None:
    assert reader.fetch(LIST) == world.content("permissions.json")
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert json.loads(reader.fetch(LIST))["epoch"] == 2
    assert reader.fetch("settlement/besu/permissions_config.toml") == world.content(
        "besu/permissions_config.toml"
    )


def test_old_epochs_stay_there(reader: Stock, bucket: Bucket, world: World) -> None:
    before = bucket.names()
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert before < bucket.names()


def test_a_change_uploads_what_changed_and_nothing_else(
    reader: Stock, bucket: Bucket, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.admitted("heming-bank/n2", network="custody")
    world.work()
    before, put = bucket.names(), []
    real = mirror._put
    monkeypatch.setattr(mirror, "_put", lambda store, name, data: (put.append(name), real(store, name, data)))
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert put[-1] == parts.TIMESTAMP, "what names all the others comes last"
    assert {*put} - {parts.TIMESTAMP} == bucket.names() - before
    assert not [name for name in put if "custody" in name or ".targets.json" in name or "root" in name]
    assert services.publish() == []
    assert put.count(parts.TIMESTAMP) == 1


@pytest.mark.parametrize("after", [0, 3, 6, 8])
def test_an_upload_that_breaks_off_anywhere_leaves_readers_the_former_lists(
    reader: Stock, world: World, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    assert json.loads(reader.fetch(LIST))["epoch"] == 1
    world.admitted("qingchuan-bank/n1")
    services.compile_epoch(Epoch.objects.get().network, cause="test")
    real, calls = mirror._put, []

    def breaking(store: Any, name: str, data: bytes) -> None:
        if len(calls) == after:
            raise OSError("the network went away")
        calls.append(name)
        real(store, name, data)

    with monkeypatch.context() as broken:
        broken.setattr(mirror, "_put", breaking)
        try:
            services.publish()
        except OSError:
            assert Epoch.objects.get(number=2).published_at is None, "not published before it is everywhere"
    assert json.loads(reader.fetch(LIST))["epoch"] == (2 if parts.TIMESTAMP in calls else 1)
    services.publish()
    assert json.loads(reader.fetch(LIST))["epoch"] == 2
    assert Epoch.objects.get(number=2).published_at is not None


def test_while_the_bucket_is_away_the_work_is_owed(
    reader: Stock, bucket: Bucket, world: World, client: Client
) -> None:
    world.processes[-1].kill()
    world.processes[-1].wait(30)
    world.admitted("qingchuan-bank/n1")
    services.compile_epoch(Epoch.objects.get().network, cause="test")
    with pytest.raises((BotoCoreError, ClientError)):
        services.publish()
    assert Epoch.objects.get(number=2).published_at is None


def test_what_the_bucket_lost_is_put_there_again_though_nothing_changed(
    reader: Stock, bucket: Bucket, world: World
) -> None:
    before = bucket.names()
    assert services.mend_store() == 0
    targets = [name for name in before if name.endswith(".permissions.json")]
    for name in (*targets, "metadata/1.root.json", "root.json", parts.TIMESTAMP):
        bucket.client.delete_object(Bucket="lists", Key=f"alliance/{name}")
    assert services.publish() == []
    tasks.mend_store()
    assert bucket.names() == before
    fresh = Stock(world.home / "fresh", reader.url, reader.root)
    assert fresh.fetch(LIST) == world.content("permissions.json")


def test_clearing_away_takes_what_is_old_and_not_needed(
    reader: Stock, bucket: Bucket, world: World, settings: Any
) -> None:
    for name in ("qingchuan-bank/n1", "yunling-bank/n1"):
        world.admitted(name)
        world.work()
    before = bucket.names()
    assert services.prune_lists(timedelta(days=30)) == [], "nothing is old yet"
    with clock.frozen(clock.now() + timedelta(days=31)):
        told = services.prune_lists(timedelta(days=30), really=False)
        assert bucket.names() == before
        assert services.prune_lists(timedelta(days=30)) == told
    assert told
    assert bucket.names() == before - {*told}
    assert bucket.names() == parts.needed(settings.TUF_DIR)
    assert json.loads(Stock(world.home / "new", reader.url, reader.root).fetch(LIST))["epoch"] == 3
    assert Repository().state().timestamp.version
    with pytest.raises(KeptTooShort):
        services.prune_lists(timedelta(days=6))
    call_command("prune_lists", "--dry-run")
