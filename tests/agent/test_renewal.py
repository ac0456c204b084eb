"""The agent renews its node's certificate by EST, wherever it is stopped, and always has a pair that fits."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import issuing
from certs import selectors as certs
from certs import services as certificates
from certs.models import CertificateRequest
from consortium.core import clock
from consortium.members.models import Node
from governance.agent import config, identity, renewal
from tests.agent.command import status
from tests.agent.dying import kill_after
from tests.certs.est.town import Town
from tests.permissions.world import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def town(world: Any) -> Iterator[Town]:
    made = Town(world.home, world.secretary, world.workstation, world.ledger)
    yield made
    made.close()


@pytest.fixture
def heming(town: Town) -> Node:
    """A node whose certificate has 20 of its 365 days left, published, with its agent configured."""
    node = town.node("heming-bank/n1")
    town.renewable(node)
    town.role(node)
    town.work()
    town.start_gateway()
    town.configure(node)
    return node


def home(town: Town, node: Node) -> Path:
    return town.folder(node) / "state" / "identity"


def pair_in_use(town: Town, node: Node) -> x509.Certificate:
    """The pair that the agent would use now; it must fit."""
    folder = home(town, node) / "current"
    certificate = x509.load_pem_x509_certificate((folder / "node.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / "node.key").read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    return certificate


def due_again(town: Town, node: Node) -> None:
    """The wait that was asked for is over."""
    place = home(town, node) / "asking.json"
    noted = json.loads(place.read_text())
    place.write_text(json.dumps({**noted, "after": 0}))


def renewed(town: Town, node: Node) -> None:
    """A round while the signing worker is at work."""
    with town.signing():
        done = town.agent_once(node)
    assert done.returncode == 0, done.stderr
    assert "the next certificate is in use" in done.stderr, done.stderr


def test_a_certificate_in_its_last_third_is_followed_by_one_with_a_new_key(town: Town, heming: Node) -> None:
    old = heming.certificates.get()
    renewed(town, heming)
    new = heming.certificates.exclude(pk=old.pk).get()
    found = pair_in_use(town, heming)
    assert f"{found.serial_number:x}" == new.serial_id.lstrip("0").lower()
    assert new.spki_sha256 != old.spki_sha256
    assert new.node == heming
    done = town.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert not (home(town, heming) / "former").is_symlink(), "the new one has worked"
    assert status(town, heming)["alarms"] == []
    pem = (home(town, heming) / "current" / "node.crt").read_text()
    assert pem.count("BEGIN CERTIFICATE") == 2, "its own and the issuing CA's; the root is the other side's"


def test_a_key_is_for_its_owner_alone_and_never_sent(town: Town, heming: Node) -> None:
    renewed(town, heming)
    for path in home(town, heming).rglob("node.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for request in CertificateRequest.objects.all():
        assert "PRIVATE" not in str(request.csr)


def test_nothing_is_asked_for_before_its_time(town: Town) -> None:
    node = town.admitted("heming-bank/n1")
    town.work()
    town.start_gateway()
    town.configure(node)
    assert town.agent_once(node).returncode == 0
    assert not home(town, node).exists()
    assert not CertificateRequest.objects.filter(renews__isnull=False).exists()


def test_before_the_consoles_window_opens_it_waits_without_a_word_of_failure(town: Town) -> None:
    """Two thirds of a year are over; the console takes renewals in the last 60 days."""
    node = town.node("heming-bank/n1")
    with clock.frozen(clock.now() - timedelta(days=270)):
        town.certify(node)
    town.role(node)
    town.work()
    town.start_gateway()
    town.configure(node)
    done = town.agent_once(node)
    assert done.returncode == 0, done.stderr
    assert "INFO the next certificate: the console takes no renewal of it yet" in done.stderr
    assert "WARNING" not in done.stderr
    assert status(town, node)["alarms"] == []
    noted = json.loads((home(town, node) / "asking.json").read_text())
    assert noted["failures"] == 0
    assert noted["after"] > time.time() + 86_000, "it looks again tomorrow"
    assert "next certificate" not in town.agent_once(node).stderr
    assert not CertificateRequest.objects.filter(renews__isnull=False).exists()


def test_202_is_honoured_across_restarts_with_the_same_key(town: Town, heming: Node) -> None:
    assert town.agent_once(heming).returncode == 0  # nobody signs: the gateway answers 202
    begun = (home(town, heming) / "pending" / "node.csr").read_bytes()
    assert CertificateRequest.objects.filter(renews__isnull=False).count() == 1
    town.work()
    assert "in use" not in town.agent_once(heming).stderr, "it was told to come later"
    due_again(town, heming)
    done = town.agent_once(heming)
    assert "the next certificate is in use" in done.stderr, done.stderr
    assert CertificateRequest.objects.filter(renews__isnull=False).count() == 1, "the same request"
    assert pair_in_use(town, heming).public_key() == x509.load_der_x509_csr(begun).public_key()
    assert not (home(town, heming) / "pending").exists()


STEPS = {
    "a key was made": ("renewal.prepared", 1),
    "the certificate came": ("est.reenroll", 1),
    "the pair is kept": ("renewal._folder", 2),
    "the former is noted": ("renewal._link", 1),
    "the change over": ("renewal._link", 2),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_it_ends_with_one_new_certificate(town: Town, heming: Node, step: str) -> None:
    with town.signing():
        kill_after(town, heming, *STEPS[step])
        done = town.agent_once(heming)
    assert done.returncode == 0, done.stderr
    pair_in_use(town, heming)
    assert town.agent_once(heming).returncode == 0
    assert heming.certificates.count() == 2
    assert CertificateRequest.objects.filter(node=heming).count() == 2
    assert {path.name for path in home(town, heming).iterdir()} <= {
        "current",
        f"{pair_in_use(town, heming).serial_number:x}",
    }


def test_a_key_that_is_the_nodes_identity_is_kept(town: Town) -> None:
    """FISCO BCOS 2. TLS does not speak secp256k1, so this is as far as such a pair itself gets."""
    node = town.node("heming-bank/n1")
    certify_fisco_2(town, node)
    town.configure(node, gateway="https://localhost:8443")
    settings = config.read(town.folder(node) / "agent.toml")
    old = identity.current(settings)
    key, csr = renewal.prepared(settings, old)
    request = x509.load_der_x509_csr(csr)
    assert request.is_signature_valid
    assert request.public_key() == key.public_key() == old.certificate.public_key()
    assert request.subject == old.certificate.subject


def certify_fisco_2(town: Town, node: Node) -> None:
    key = town.workstation.key("secp256k1")
    request = certificates.submit_request(
        node=node,
        profile="fisco-bcos-2",
        csr=town.workstation.request(key=key),
        actor=node.institution.officers.get(),
    )
    certificates.approve_request(request, actor=town.secretary)
    made = issuing.issue(request.pk)
    assert made is not None
    (town.folder(node) / "node.key").write_bytes(key.read_bytes())
    (town.folder(node) / "node.crt").write_text(certs.chain_pem(made))


def test_a_renewal_that_is_refused_is_an_alarm_and_not_tried_at_once_again(town: Town, heming: Node) -> None:
    Node.objects.filter(pk=heming.pk).update(name="renamed")  # the console wants a person to look at that
    done = town.agent_once(heming)
    assert (done.returncode, "name_mismatch" in done.stderr) == (0, True), done.stderr
    assert "not_renewed" in status(town, heming)["alarms"]
    assert "name_mismatch" not in town.agent_once(heming).stderr
    assert "not_renewed" in status(town, heming)["alarms"], "it stands until the next try"


def test_a_renewed_certificate_that_is_refused_leaves_the_former_one_in_use(town: Town, heming: Node) -> None:
    renewed(town, heming)
    new = heming.certificates.order_by("-issued_at").first()
    assert new is not None
    town.revoke(new)
    done = town.agent_once(heming)
    assert (done.returncode, "the former one is used" in done.stderr) == (0, True), done.stderr


def test_the_operators_command_runs_until_it_succeeds(town: Town, heming: Node) -> None:
    seen = town.home / "seen"
    with (town.folder(heming) / "agent.toml").open("a") as file:
        file.write(f'[renew]\nreload = ["cp", "{home(town, heming)}/current/node.key", "{seen}/key"]\n')
    with town.signing():
        done = town.agent_once(heming)
    assert (done.returncode, "ReloadFailed" in done.stderr) == (0, True), done.stderr
    seen.mkdir()
    assert town.agent_once(heming).returncode == 0
    assert (seen / "key").read_bytes() == (home(town, heming) / "current" / "node.key").read_bytes()


def test_the_listener_of_a_running_agent_shows_the_new_certificate(town: Town, heming: Node) -> None:
    town.with_push(heming, poll_seconds=1)
    with town.signing():
        eventually(lambda: (home(town, heming) / "current").exists(), "the certificate is renewed")
    log = town.home / f"agent-{heming.name}.log"
    eventually(lambda: "the listener has the new certificate" in log.read_text(), "the listener changed")
    town.admitted("qingchuan-bank/n1")
    town.work()
    eventually(lambda: town.applied(heming) == 2, "a push still reaches the agent")


def test_a_certificate_put_in_place_by_hand_wins(town: Town, heming: Node) -> None:
    renewed(town, heming)
    time.sleep(1.1)  # certificates begin at whole seconds
    by_hand = town.certify(heming)
    assert town.agent_once(heming).returncode == 0
    assert int(status(town, heming)["certificate"]["serial"], 16) == int(by_hand.serial_id, 16)
