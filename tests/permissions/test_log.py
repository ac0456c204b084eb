"""The log of digests: what is published is entered first, for good, and the agent's own reader follows it."""

from __future__ import annotations

import hashlib
import importlib

import pytest
from django.apps import apps
from django.db import Error, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from consortium.core.models import new_id
from governance.agent import log as reader
from governance.permissions import digests, holding, logbook, services
from governance.permissions.digests import Entry, Part
from governance.permissions.errors import DatabaseOlder, RepositoryLost
from governance.permissions.models import Epoch, EpochFile, LogEntry
from governance.permissions.tufrepo import Repository
from tests.permissions.test_crashes import PUBLISHING, finish, kill_at
from tests.permissions.world import World

HEX = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")


# --- Pure: what the console computes is what the agent reads ------------------------------------------------
@given(
    st.lists(
        st.tuples(st.integers(1, 2**31 - 1), HEX), min_size=1, max_size=30, unique_by=lambda each: each[0]
    )
)
def test_the_agents_own_reader_follows_the_chain(listed: list[tuple[int, str]]) -> None:
    entries = [Entry(epoch, digest) for epoch, digest in sorted(listed)]
    files = {"permissions.json": "a" * 64, "besu/permissions_config.toml": "b" * 64}
    entries[-1] = Entry(entries[-1].epoch, digests.of_files(files))
    head = digests.START
    for entry in entries:
        head = digests.after(head, "mainnet", entry)
    part = Part("mainnet", 1, digests.START, entries, head)
    document = reader.read(digests.document(part, files=files))
    remembered = reader.Checkpoint()
    taken = reader.verify(document, remembered, network="mainnet", epoch=entries[-1].epoch, files=files)
    assert taken == reader.Checkpoint("mainnet", len(entries), head)


@given(st.integers(0, 10_000))
def test_each_entry_is_in_a_full_page_or_in_the_newest_part(size: int) -> None:
    full = digests.full_pages(size)
    rest = size - full * digests.PAGE
    assert 0 <= rest <= digests.PAGE
    assert (rest == 0) == (size == 0)


# --- Rows and files -----------------------------------------------------------------------------------------
def entered() -> list[tuple[int, int]]:
    rows = LogEntry.objects.filter(network="settlement").order_by("position")
    return [(row.position, row.epoch.number) for row in rows.select_related("epoch")]


def document() -> reader.Document:
    """``log.json`` as the published metadata name it."""
    target = Repository().state().all_files()["settlement/log.json"]
    folder = Repository().directory / "targets" / "settlement"
    content = (folder / f"{target.hashes['sha256']}.log.json").read_bytes()
    return reader.read(content)


def test_what_is_published_is_in_the_log_beside_it(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    world.admitted("dongli-bank/n1")
    world.work()
    assert entered() == [(1, 1), (2, 2)]
    published, newest = document(), world.published()
    printed = "".join(
        f"{file.sha256}  {file.path}\n" for file in sorted(newest.files.all(), key=lambda file: file.path)
    )
    assert published.entries[-1] == (2, hashlib.sha256(printed.encode()).hexdigest())
    assert published.files == {file.path: file.sha256 for file in newest.files.all()}
    assert published.anchored is None


def test_what_was_never_published_is_not_in_the_log(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    services.compile_epoch(node.network, cause="test")
    world.admitted("dongli-bank/n1")
    world.work()  # the first was never published: a newer one came
    assert Epoch.objects.count() == 2
    assert entered() == [(1, 2)]


def test_renewing_signatures_enters_nothing(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    before = document()
    services.refresh()
    assert (entered(), document()) == ([(1, 1)], before)


def test_the_database_refuses_to_rewrite_the_log(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    for change in (lambda: LogEntry.objects.update(digest="0" * 64), lambda: LogEntry.objects.all().delete()):
        with pytest.raises(Error, match="append"), transaction.atomic():
            change()


def test_what_was_published_before_there_was_a_log_is_entered_by_the_migration(world: World) -> None:
    for name in ("heming-bank/n1", "dongli-bank/n1"):
        world.admitted(name)
        world.work()
    kept = list(
        LogEntry.objects.order_by("position").values("position", "epoch", "digest", "head", "network")
    )
    with transaction.atomic():
        _forget_the_log()
        backfill = importlib.import_module("governance.permissions.migrations.0011_log_of_what_was_published")
        backfill.enter(apps, None)
        found = LogEntry.objects.order_by("position").values("position", "epoch", "digest", "head", "network")
        assert list(found) == kept


def _forget_the_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE permissions_logentry DISABLE TRIGGER append_only")
        cursor.execute("DELETE FROM permissions_logentry")
        cursor.execute("ALTER TABLE permissions_logentry ENABLE TRIGGER append_only")


def test_old_entries_are_pages_that_never_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "PAGE", 3)
    monkeypatch.setattr(reader, "PAGE", 3)
    logbook._page.cache_clear()
    node = world.admitted("heming-bank/n1")
    world.work()
    first = reader.verify(document(), reader.Checkpoint(), network="settlement", epoch=1, files={})
    seen: dict[str, bytes] = {}
    for number in range(2, 9):
        copy_of(world.published(), number)
        services.publish()
        found = {
            path: target.content for path, target in logbook.targets("settlement", world.published()).items()
        }
        assert all(found[path] == content for path, content in seen.items())
        seen |= {path: content for path, content in found.items() if path != "log.json"}
    assert sorted(seen) == ["log/0.json", "log/1.json"]
    newest = document()
    assert (newest.first, newest.size, len(newest.entries)) == (7, 8, 2)
    with pytest.raises(reader.Gap) as gap:
        reader.verify(newest, first, network="settlement", epoch=8, files={})
    assert gap.value.targets == ("log/0.json", "log/1.json")
    pages = {number: reader.read(seen[f"log/{number}.json"]) for number in reader.missing(newest, first)}
    last = reader.verify(newest, first, network="settlement", epoch=8, files={}, pages=pages)
    assert (last.size, node.network_id) == (8, "settlement")
    logbook._page.cache_clear()


def copy_of(epoch: Epoch, number: int) -> Epoch:
    """Another epoch with other bytes, compiled and waiting to be published."""
    files = list(epoch.files.all())
    epoch = Epoch.objects.get(pk=epoch.pk)
    epoch.number, epoch.published_at, epoch.tuf_version = number, None, None
    epoch.content_sha256 = f"{number:064x}"
    epoch._state.adding = True
    epoch.id = new_id()
    epoch.save(force_insert=True)
    for file in files:
        content = bytes(file.content) + b"\n"
        EpochFile.objects.create(
            epoch=epoch,
            format=file.format,
            path=file.path,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
        )
    return epoch


# --- Killed in between --------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("module", "name", "when"),
    [
        ("governance.permissions.services.entering", "_enter", "before"),
        ("governance.permissions.services.entering", "_enter", "after"),  # not committed yet
        (PUBLISHING, "_publish", "before"),
        (PUBLISHING, "_publish", "after"),  # files are out, rows are not
    ],
)
def test_a_publisher_killed_anywhere_forks_no_log(world: World, module: str, name: str, when: str) -> None:
    """And while it lay dead a newer epoch came, which takes the place of the one that it had begun with."""
    node = world.admitted("heming-bank/n1")
    world.work()
    remembered = reader.verify(document(), reader.Checkpoint(), network="settlement", epoch=1, files={})
    world.admitted("dongli-bank/n1")
    services.compile_epoch(node.network, cause="test")
    kill_at(world, "signing", module, name, 1, when)
    seen = document()  # an agent may pull now
    remembered = reader.verify(seen, remembered, network="settlement", epoch=seen.entries[-1][0], files={})
    world.admitted("haitang-bank/n1")
    finish(world)
    newest = document()
    taken = reader.verify(newest, remembered, network="settlement", epoch=newest.entries[-1][0], files={})
    assert taken.size == newest.size == LogEntry.objects.count()
    assert newest.entries[-1][0] == world.published().number


@pytest.mark.django_db(transaction=True)
def test_two_publishers_at_once_make_one_log(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    copy_of(world.published(), 2)
    publish = "import django; django.setup(); from governance.permissions import services; services.publish()"
    both = [
        world.start("-W", "ignore", "-c", publish, env=world.environment(), log=f"publisher-{number}.log")
        for number in range(2)
    ]
    assert [one.wait(120) for one in both] == [0, 0]
    assert entered() == [(1, 1), (2, 2)]
    assert document().size == 2
    assert not logbook.without_entry(list(holding.publishable()))


# --- A database older than what nodes could read ------------------------------------------------------------
def taken_back(world: World) -> None:
    """Two epochs are published; then the database is as it was after the first."""
    world.admitted("heming-bank/n1")
    world.work()
    backup = transaction.savepoint()
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert entered() == [(1, 1), (2, 2)]
    transaction.savepoint_rollback(backup)
    assert entered() == [(1, 1)]


def test_a_database_from_before_what_was_published_does_not_fork_the_log(world: World) -> None:
    taken_back(world)
    was = document()
    metadata = sorted(Repository().metadata.iterdir())
    with pytest.raises(RepositoryLost, match="settlement"):
        services.publish()
    world.admitted("songling-bank/n1")
    world.work()
    with pytest.raises(DatabaseOlder):
        services.publish()
    assert entered() == [(1, 1)], "no number and no place is taken twice"
    assert (document(), sorted(Repository().metadata.iterdir())) == (was, metadata)
    assert Epoch.objects.get(number=2).published_at is None


def test_nor_when_the_logs_file_itself_is_lost(world: World) -> None:
    taken_back(world)
    for file in (Repository().directory / "targets" / "settlement").glob("*.log.json"):
        file.unlink()
    with pytest.raises(DatabaseOlder):
        services.publish()


def test_a_log_file_that_is_lost_is_written_again(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    was = document()
    for file in (Repository().directory / "targets" / "settlement").glob("*.log.json"):
        file.unlink()
    services.publish()
    assert document() == was
