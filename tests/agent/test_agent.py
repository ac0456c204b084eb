"""Real agents against a real gateway: what they apply, report, and refuse to believe."""

from __future__ import annotations

import json
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata
from tuf.api.serialization.json import JSONSerializer

from consortium.core import clock
from consortium.members.models import Node
from governance.permissions import services
from governance.permissions.models import Acknowledgement
from tests.agent.dying import kill_after
from tests.certs.openssl import openssl
from tests.permissions.world import World, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def served(world: World) -> World:
    """One admitted node, published, a running gateway, the agent configured but not started."""
    node = world.admitted("heming-bank/n1", kind="rsa2048")
    world.work()
    world.start_gateway()
    world.configure(node)
    return world


@pytest.fixture
def heming(served: World) -> Node:
    return Node.objects.select_related("institution").get()


def copy_of_repository(home: Path) -> Path:
    """A copy of what is published now."""
    return shutil.copytree(settings.TUF_DIR, home / "kept")


def put_back(kept: Path) -> None:
    shutil.rmtree(settings.TUF_DIR)
    shutil.copytree(kept, settings.TUF_DIR)


def change(world: World) -> None:
    """Publish a next epoch."""
    world.admitted("qingchuan-bank/n1")
    world.work()


def test_one_round_applies_and_reports(served: World, heming: Node) -> None:
    done = served.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert served.in_force(heming) == served.content("permissions.json")
    assert served.applied(heming) == 1


def test_a_second_round_fetches_and_reports_nothing_again(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    before = (served.folder(heming) / "permissions.json").stat().st_mtime_ns
    assert served.agent_once(heming).returncode == 0
    assert (served.folder(heming) / "permissions.json").stat().st_mtime_ns == before
    assert Acknowledgement.objects.count() == 1


def test_every_format_can_be_had_at_once(served: World, heming: Node) -> None:
    served.configure(
        heming,
        "besu/permissions_config.toml",
        "goquorum/permissioned-nodes.json",
        "goquorum/disallowed-nodes.json",
        "fisco-bcos/certificates.ini",
        "fisco-bcos/nodes.json",
    )
    done = served.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert served.in_force(heming, "certificates.ini") == served.content("fisco-bcos/certificates.ini")
    assert {a.format for a in Acknowledgement.objects.all()} == {"besu", "goquorum", "fisco-bcos"}
    assert all(a.matches for a in Acknowledgement.objects.all())


def test_the_reload_command_runs_after_the_file_is_there(served: World, heming: Node) -> None:
    served.configure(
        heming, reload=["cp", f"{served.folder(heming)}/permissions.json", f"{served.home}/seen"]
    )
    assert served.agent_once(heming).returncode == 0
    assert (served.home / "seen").read_bytes() == served.content("permissions.json")


def test_a_reload_that_fails_is_not_reported_as_applied_and_tried_again(served: World, heming: Node) -> None:
    served.configure(heming, reload=["false"])
    done = served.agent_once(heming)
    assert (done.returncode, "ReloadFailed" in done.stderr) == (1, True), done.stderr
    assert served.applied(heming) == 0
    served.configure(heming, reload=["true"])
    assert served.agent_once(heming).returncode == 0
    assert served.applied(heming) == 1


def test_a_reload_that_hangs_is_cut_off(served: World, heming: Node) -> None:
    served.configure(heming, reload=["sleep", "600"], reload_seconds=0.2)
    assert "ReloadFailed" in served.agent_once(heming).stderr


def test_a_reload_gets_its_words_without_a_shell(served: World, heming: Node) -> None:
    served.configure(heming, reload=["touch", f"{served.home}/a; touch {served.home}/b"])
    served.agent_once(heming)
    assert not (served.home / "a").exists()
    assert not (served.home / "b").exists()


def test_a_list_that_somebody_changed_is_put_back(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    (served.folder(heming) / "permissions.json").write_text("{}")
    assert served.agent_once(heming).returncode == 0
    assert served.in_force(heming) == served.content("permissions.json")


def test_a_list_put_back_is_reloaded_until_the_node_has_taken_it(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    (served.folder(heming) / "permissions.json").write_text("{}")
    served.configure(heming, reload=["false"])
    assert served.agent_once(heming).returncode == 1
    assert served.in_force(heming) == served.content("permissions.json"), "right on disk, not yet loaded"
    assert served.agent_once(heming).returncode == 1, "the reload is still owed"
    served.configure(heming, reload=["touch", f"{served.home}/reloaded"])
    assert served.agent_once(heming).returncode == 0
    assert (served.home / "reloaded").exists()


def test_an_agent_killed_between_file_and_reload_reloads(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    (served.folder(heming) / "permissions.json").write_text("{}")
    served.configure(heming, reload=["sh", "-c", "kill -9 $PPID"])
    assert served.agent_once(heming).returncode == -signal.SIGKILL
    assert served.in_force(heming) == served.content("permissions.json")
    served.configure(heming, reload=["touch", f"{served.home}/reloaded"])
    assert served.agent_once(heming).returncode == 0
    assert (served.home / "reloaded").exists()


def test_without_the_gateway_the_list_stays_in_force(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    served.close()
    done = served.agent_once(heming)
    assert (done.returncode, "Unreachable" in done.stderr) == (1, True), done.stderr
    assert served.in_force(heming) == served.content("permissions.json")


def test_a_revoked_node_is_told_403_and_keeps_what_it_had(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    before = served.in_force(heming)
    served.revoke(heming.certificates.get())
    served.work()
    done = served.agent_once(heming)
    assert (done.returncode, "HTTP 403" in done.stderr) == (1, True), done.stderr
    assert served.in_force(heming) == before


def test_a_repository_put_back_in_time_is_refused(served: World, heming: Node) -> None:
    kept = copy_of_repository(served.home)
    change(served)
    assert served.agent_once(heming).returncode == 0
    put_back(kept)
    done = served.agent_once(heming)
    assert (done.returncode, "NotTrusted" in done.stderr) == (1, True), done.stderr
    assert json.loads(served.in_force(heming))["epoch"] == 2


def test_not_even_an_agent_that_lost_tufs_metadata_applies_an_older_epoch(
    served: World, heming: Node
) -> None:
    kept = copy_of_repository(served.home)
    change(served)
    assert served.agent_once(heming).returncode == 0
    put_back(kept)
    shutil.rmtree(served.folder(heming) / "state" / "metadata")
    done = served.agent_once(heming)
    assert (done.returncode, "older than 2" in done.stderr) == (1, True), done.stderr
    assert json.loads(served.in_force(heming))["epoch"] == 2


def test_a_frozen_repository_is_refused_once_its_timestamp_ends(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    before = served.in_force(heming)
    with clock.frozen(datetime.now(UTC) - timedelta(days=3)):
        served.admitted("qingchuan-bank/n1")
    with clock.frozen(datetime.now(UTC) - timedelta(days=2)):
        services.compile_epoch(heming.network, cause="test")
        services.publish()
    done = served.agent_once(heming)
    assert done.returncode == 1
    assert "ExpiredMetadataError" in done.stderr
    assert served.in_force(heming) == before


def test_metadata_signed_by_another_key_are_refused(served: World, heming: Node) -> None:
    assert served.agent_once(heming).returncode == 0
    before = served.in_force(heming)
    path = settings.TUF_DIR / "metadata" / "timestamp.json"
    forged = Metadata.from_bytes(path.read_bytes())
    forged.signed.version += 1
    forged.sign(CryptoSigner(Ed25519PrivateKey.generate()))
    path.write_bytes(forged.to_bytes(JSONSerializer(compact=True)))
    done = served.agent_once(heming)
    assert (done.returncode, "NotTrusted: UnsignedMetadataError" in done.stderr) == (1, True), done.stderr
    assert served.in_force(heming) == before


def test_a_file_that_is_not_what_was_signed_is_not_applied(served: World, heming: Node) -> None:
    for path in (settings.TUF_DIR / "targets" / "settlement").glob("*.permissions.json"):
        path.write_bytes(path.read_bytes().replace(b"sealer", b"sealed"))
    done = served.agent_once(heming)
    assert (done.returncode, "NotTrusted" in done.stderr) == (1, True), done.stderr
    assert not (served.folder(heming) / "permissions.json").exists()


def test_a_gateway_of_another_authority_is_not_talked_to(served: World, heming: Node) -> None:
    key, other = served.workstation.key("p256"), served.folder(heming) / "ca.pem"
    openssl("req", "-x509", "-key", str(key), "-subj", "/CN=Another CA", "-out", str(other))
    done = served.agent_once(heming)
    assert (done.returncode, "CERTIFICATE_VERIFY_FAILED" in done.stderr) == (1, True), done.stderr
    assert not (served.folder(heming) / "permissions.json").exists()


STEPS = {
    "checked": ("adapters.plain.Plain.check", 1),
    "kept": ("store.keep", 1),
    "owed": ("state.save", 1),
    "put": ("adapters.plain.Plain.put", 1),
    "read back": ("adapters.plain.Plain.read_back", 1),
    "noted": ("state.save", 2),
    "forgot": ("store.forget_all_but", 1),
    "reported": ("gateway.Gateway.report", 1),
    "noted that": ("state.save", 3),
}


@pytest.mark.parametrize("step", STEPS)
def test_an_agent_killed_after_any_step_is_finished_by_the_next(
    served: World, heming: Node, step: str
) -> None:
    kill_after(served, heming, *STEPS[step])
    assert served.agent_once(heming).returncode == 0
    assert served.in_force(heming) == served.content("permissions.json")
    assert served.applied(heming) == 1
    assert Acknowledgement.objects.count() == 1


def test_a_running_agent_takes_a_push_and_ends_on_sigterm(served: World, heming: Node) -> None:
    served.with_push(heming)
    eventually(lambda: served.applied(heming) == 1, "the first list is applied")
    change(served)
    eventually(lambda: served.applied(heming) == 2, "the push made the agent look")
    running = served.processes[-1]
    running.terminate()
    assert running.wait(30) == 0


def test_a_running_agent_polls_without_any_push(served: World, heming: Node) -> None:
    served.configure(heming, poll_seconds=0.3)
    served.start_agent(heming)
    eventually(lambda: served.applied(heming) == 1, "the first list is applied")
    change(served)
    eventually(lambda: served.applied(heming) == 2, "the agent looked by itself")


def test_a_running_agent_outlives_the_gateway(served: World, heming: Node) -> None:
    served.configure(heming, poll_seconds=0.3)
    gateway = served.processes[-1]
    port = served.gateway_url
    gateway.kill()
    gateway.wait(30)
    agent = served.start_agent(heming)
    log = served.home / f"agent-{heming.name}.log"
    eventually(lambda: log.exists() and "Unreachable" in log.read_text(), "the agent misses the gateway")
    served.start_gateway()
    served.configure(heming, poll_seconds=0.3)
    assert served.gateway_url != port
    agent.terminate()
    agent.wait(30)
    served.start_agent(heming)
    eventually(lambda: served.applied(heming) == 1, "the agent found it again")
