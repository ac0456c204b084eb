"""The lists' root with officers' keys: begun at the console, signed elsewhere, in force without a gap."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root

from consortium.core import clock
from consortium.core.models import Event
from governance.permissions import services, tasks
from governance.permissions.tufrepo import Repository
from tests.permissions.conftest import PASSPHRASE
from tests.permissions.tuf.clients import Stock, plain_http
from tests.permissions.world import PROJECT, World

pytestmark = pytest.mark.django_db

LIST = "settlement/permissions.json"


class Officer:
    """A person with a machine of their own: no settings, no database, no Django."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        home.mkdir(parents=True)
        (home / "passphrase").write_text(f"{name} walks along the river\n")

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "governance.permissions.ceremony", *map(str, words)],
            cwd=PROJECT,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def make_key(self) -> Path:
        secret = ("--passphrase-file", self.home / "passphrase")
        done = self.run("key", "--officer", self.name, "--home", self.home / "safe", *secret)
        assert done.returncode == 0, done.stderr
        return self.home / "safe/officer.json"

    def sign(self, root: Path, former: Path | None, *, key: Path | None = None) -> str:
        """What the command said; the passphrase of a key that is not their own is the console's."""
        key_words = ("--key", key or self.home / "safe/officer.key", "--yes", "--passphrase-file")
        secret = self.home / "passphrase"
        if key:
            secret = self.home / "root-passphrase"
            secret.write_bytes(PASSPHRASE)
        words = ("--former", former) if former else ()
        done = self.run("sign", root, *words, *key_words, secret)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lin Ye, Chen Bo and Sun Wei have made their keys; Argon2id is slow on purpose."""
    home = tmp_path_factory.mktemp("officers")
    for name in ("Lin Ye", "Chen Bo", "Sun Wei"):
        Officer(home / name, name).make_key()
    return home


@pytest.fixture
def officers(kept: Path, tmp_path: Path) -> list[Officer]:
    made = []
    for name in ("Lin Ye", "Chen Bo", "Sun Wei"):
        officer = object.__new__(Officer)
        officer.name, officer.home = name, tmp_path / "officers" / name
        shutil.copytree(kept / name, officer.home)
        made.append(officer)
    return made


@pytest.fixture
def served(world: World, settings: Any) -> Iterator[Stock]:
    """A published list, and a stock client that was set up with the root of the first day."""
    world.admitted("heming-bank/n1")
    world.work()
    with plain_http(settings.TUF_DIR) as url:
        client = Stock(world.home / "client", url, (settings.TUF_DIR / "root.json").read_bytes())
        assert client.fetch(LIST) == world.content("permissions.json")
        yield client


def begin(out: Path, officers: list[Officer], settings: Any, *words: str, threshold: int = 2) -> Path:
    """The file that the officers get."""
    given = [word for officer in officers for word in ("--officer", officer.home / "safe/officer.json")]
    secret = ("--passphrase-file", settings.SIGNING_PASSPHRASE_FILE)
    call_command("list_root", "begin", *given, "--threshold", threshold, "--out", out, *secret, *words)
    return max(out.glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))


def finish(settings: Any, *roots: Path) -> None:
    call_command("list_root", "finish", *roots, "--passphrase-file", settings.SIGNING_PASSPHRASE_FILE)


def handed_over(officers: list[Officer], settings: Any, home: Path) -> Path:
    """From the keys of the one command to the officers': two of the former sign, and two officers."""
    root = begin(home / "round", officers, settings)
    former = home / "round/1.root.json"
    for number in (1, 2):
        officers[0].sign(root, former, key=settings.KEY_DIR / f"lists-root-{number}.key")
    for officer in officers[:2]:
        officer.sign(root, former)
    finish(settings, root)
    return root


def test_a_root_of_one_command_is_handed_over_to_officers(
    served: Stock, world: World, officers: list[Officer], settings: Any, tmp_path: Path
) -> None:
    handed_over(officers, settings, tmp_path)
    root = Repository().root()
    names = {root.keys[keyid].unrecognized_fields["x-officer"] for keyid in root.roles["root"].keyids}
    assert (root.version, root.roles["root"].threshold) == (2, 2)
    assert names == {"Lin Ye", "Chen Bo", "Sun Wei"}
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert served.fetch(LIST) == world.content("permissions.json"), "by way of the root of the first day"
    event = Event.objects.get(action="list_root.installed")
    assert (event.data["version"], event.data["threshold"]) == (2, 2)


def test_officers_can_make_the_very_first_root(
    places: Path, db: None, officers: list[Officer], settings: Any, tmp_path: Path
) -> None:
    settings.TUF_DIR, settings.KEY_DIR = tmp_path / "new-tuf", tmp_path / "new-keys"
    root = begin(tmp_path / "round", officers, settings)
    assert root.name == "1.root.json"
    for officer in officers[1:]:
        officer.sign(root, None)
    finish(settings, root)
    finish(settings, root)  # harmless
    assert Repository().state().timestamp.version == 1
    assert not list(settings.KEY_DIR.glob("lists-root-*")), "no root's key was ever on the server"
    services.publish()


def test_online_keys_are_changed_without_a_moment_in_which_nobody_can_read(
    served: Stock, world: World, officers: list[Officer], settings: Any, tmp_path: Path
) -> None:
    handed_over(officers, settings, tmp_path)
    before = Repository().root()
    words = [word for role in ("timestamp", "snapshot", "targets") for word in ("--new-key", role)]
    root = begin(tmp_path / "second", [], settings, *words)
    former = tmp_path / "second/2.root.json"
    copies = [shutil.copy(root, tmp_path / f"copy-{number}.json") for number in range(2)]
    for officer, copy in zip(officers[1:], copies, strict=True):
        officer.sign(Path(copy), former)
    published = settings.TUF_DIR / "metadata/3.root.json"
    services.publish()
    assert not published.exists(), "keys alone change nothing"
    finish(settings, *map(Path, copies))
    after = Repository().root()
    for role in ("timestamp", "snapshot", "targets"):
        assert set(before.roles[role].keyids).isdisjoint(after.roles[role].keyids)
        path = {"timestamp": "timestamp.json"}.get(role) or newest(settings.TUF_DIR, role)
        made = Metadata.from_file(str(settings.TUF_DIR / "metadata" / path))
        for one in (before, after):
            one.verify_delegate(role, made.signed_bytes, made.signatures)
    assert served.fetch(LIST) == world.content("permissions.json")
    with clock.frozen(clock.now() + timedelta(hours=13)):
        tasks.renew_signatures()
    made = Metadata.from_file(str(settings.TUF_DIR / "metadata/timestamp.json"))
    with pytest.raises(UnsignedMetadataError):
        before.verify_delegate("timestamp", made.signed_bytes, made.signatures)


def newest(directory: Path, role: str) -> str:
    versions = (path.name for path in (directory / "metadata").glob(f"*.{role}.json"))
    return max(versions, key=lambda name: int(name.split(".")[0]))


@pytest.mark.parametrize("missing", ["the former keys", "the officers", "everybody"])
def test_a_root_that_too_few_signed_comes_not_into_force(
    served: Stock, officers: list[Officer], settings: Any, tmp_path: Path, missing: str
) -> None:
    root = begin(tmp_path / "round", officers, settings)
    former = tmp_path / "round/1.root.json"
    if missing == "the officers":
        for number in (1, 2):
            officers[0].sign(root, former, key=settings.KEY_DIR / f"lists-root-{number}.key")
        officers[0].sign(root, former)
    elif missing == "the former keys":
        for officer in officers:
            officer.sign(root, former)
    with pytest.raises(CommandError, match="more of the"):
        finish(settings, root)
    assert Repository().root().version == 1
    assert not (settings.TUF_DIR / "metadata/2.root.json").exists()


def test_a_stranger_signs_nothing(
    served: Stock, officers: list[Officer], settings: Any, tmp_path: Path
) -> None:
    *two, sun = officers
    root = begin(tmp_path / "round", two, settings)
    words = ("--key", sun.home / "safe/officer.key", "--yes", "--passphrase-file", sun.home / "passphrase")
    done = sun.run("sign", root, "--former", tmp_path / "round/1.root.json", *words)
    assert (done.returncode, "signs neither" in done.stderr) == (1, True)
    assert not Metadata[Root].from_file(str(root)).signatures


def test_an_officers_file_that_somebody_changed_is_refused(
    served: Stock, officers: list[Officer], settings: Any, tmp_path: Path
) -> None:
    place = officers[0].home / "safe/officer.json"
    place.write_text(place.read_text().replace("Lin Ye", "Lin Yu"))
    with pytest.raises(CommandError, match="does not have the key"):
        begin(tmp_path / "round", officers, settings)


@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_one_officer_is_not_enough_nor_more_than_there_are(
    served: Stock, officers: list[Officer], settings: Any, tmp_path: Path, threshold: int
) -> None:
    with pytest.raises(CommandError):
        begin(tmp_path / "round", officers, settings, threshold=threshold)


def test_the_officer_reads_what_changes_before_signing(
    served: Stock, officers: list[Officer], settings: Any, tmp_path: Path
) -> None:
    root = begin(tmp_path / "round", officers, settings)
    shown = officers[0].run("show", root, "--former", tmp_path / "round/1.root.json").stdout
    assert "2 of 3 officers sign the next one" in shown
    assert all(f"{officer.name}\n" in shown for officer in officers)
    assert shown.count("- root:") == 3
    assert "  timestamp:" in shown


def test_officers_are_reminded_in_time_and_once_for_each_step(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    ends = Repository().root().expires
    for days, reminders in ((61, 0), (59, 1), (58, 1), (29, 2), (1, 3)):
        with clock.frozen(ends - timedelta(days=days)):
            services.remind_of_root()
            services.remind_of_root()
            assert bool(services.root_ends_soon()) is (days < 60)
        assert Event.objects.filter(action="list_root.expiring").count() == reminders, days
    with clock.frozen(ends - timedelta(days=5)), pytest.raises(CommandError, match="officers must sign"):
        call_command("list_root", "show")
