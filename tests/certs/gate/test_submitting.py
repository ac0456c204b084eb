"""The gate: what is wrong with a request is said by its own code, and leaves nothing but an event."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import connection
from django.utils import timezone

from certs import building, errors, keys, services
from certs.models import Certificate, CertificateRequest, SeenKey
from consortium.core.errors import ConsoleError, NotAllowed, NotFound
from consortium.core.models import Event
from consortium.members.models import Node, User
from consortium.members.states import Status
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-4000-8000-000000000000"


def submit(node: Node, csr: bytes, actor: User, profile: str = "evm-node") -> CertificateRequest:
    return services.submit_request(node=node, profile=profile, csr=csr, actor=actor)


def assert_refused(code: str, node: Node, csr: bytes, actor: User, profile: str = "evm-node") -> ConsoleError:
    """Refused with ``code``; an event says so, and nothing else was written."""
    before = (CertificateRequest.objects.count(), SeenKey.objects.count(), Event.objects.count())
    with pytest.raises(ConsoleError) as refusal:
        submit(node, csr, actor, profile)
    assert refusal.value.code == code
    after = (CertificateRequest.objects.count(), SeenKey.objects.count(), Event.objects.count() - 1)
    assert after == before
    event = Event.objects.first()
    assert event is not None
    assert (event.action, event.data["code"], event.actor_id) == ("request.refused", code, actor.pk)
    return refusal.value


@pytest.mark.parametrize(
    ("profile", "kind", "described"),
    [
        ("fisco-bcos-3", "rsa2048", "RSA 2048"),
        ("evm-node", "p256", "P-256"),
        ("evm-node", "rsa3072", "RSA 3072"),
    ],
)
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_each_profile_takes_its_keys(
    profile: str, kind: str, described: str, form: str, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    csr = workstation.request(kind, subject="/CN=settlement-1/O=heming-bank", form=form)
    request = submit(heming, csr, zhou_lan, profile)
    assert (request.status, request.key_description) == ("submitted", described)
    assert Event.objects.get(action="request.submitted").institution_id == heming.institution_id


@pytest.mark.parametrize(
    ("profile", "kind", "code"),
    [
        ("fisco-bcos-3", "rsa1024", "key_not_accepted"),
        ("fisco-bcos-3", "rsa3072", "key_not_accepted"),
        ("fisco-bcos-3", "p256", "key_not_accepted"),
        ("fisco-bcos-3", "rsa2048e3", "weak_exponent"),
        ("evm-node", "rsa2048", "key_not_accepted"),
        ("evm-node", "rsa3072e3", "weak_exponent"),
        ("evm-node", "p384", "key_not_accepted"),
        ("evm-node", "secp256k1", "key_not_accepted"),
        ("evm-node", "ed25519", "weak_signature"),  # it names no hash: refused before its kind is looked at
        ("no-such-profile", "p256", "unknown_profile"),
        ("\x00\ud800", "p256", "unknown_profile"),
    ],
)
def test_other_keys_are_refused(
    profile: str, kind: str, code: str, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    assert_refused(code, heming, workstation.request(kind), zhou_lan, profile)


def test_a_request_not_signed_by_its_own_key_is_refused(
    heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    csr = bytearray(workstation.request("rsa2048", form="DER"))
    csr[-1] ^= 1
    assert_refused("no_proof_of_possession", heming, bytes(csr), zhou_lan, "fisco-bcos-3")


def test_a_request_signed_with_sha1_is_refused(
    heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    refusal = assert_refused("weak_signature", heming, workstation.request("p256", "-sha1"), zhou_lan)
    assert refusal.params["found"] == "sha1"


def test_an_upload_that_is_too_large_is_refused(heming: Node, zhou_lan: User) -> None:
    refusal = assert_refused("request_too_large", heming, b"x" * 20_000, zhou_lan)
    assert refusal.status == 413


@pytest.mark.parametrize("junk", [b"", b"hello", b"\x30\x00", b"-----BEGIN CERTIFICATE REQUEST-----\n"])
def test_what_is_no_request_is_refused(junk: bytes, heming: Node, zhou_lan: User) -> None:
    assert_refused("malformed_request", heming, junk, zhou_lan)


def test_two_requests_in_one_file_are_refused(heming: Node, zhou_lan: User, workstation: Workstation) -> None:
    both = workstation.request("p256") + workstation.request("p256")
    assert_refused("malformed_request", heming, both, zhou_lan)


def test_a_private_key_in_the_upload_is_refused_and_not_kept(
    heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    key = workstation.key("p256")
    csr = workstation.request(key=key)
    assert_refused("private_key_sent", heming, key.read_bytes() + csr, zhou_lan)
    secret = key.read_text().splitlines()[1]
    assert not [event for event in Event.objects.all() if secret in str(event.data)]


@pytest.mark.parametrize(
    ("subject", "options", "field"),
    [
        ("/CN=settlement-2", [], "CN"),
        ("/CN=settlement-1/O=qingchuan-bank", [], "O"),
        ("/O=heming-bank/O=qingchuan-bank", [], "O"),
        ("/CN=qingchuan-bank\\/settlement-1", [], "CN"),
        (
            "/",
            ["-addext", f"subjectAltName=URI:urn:consortium:{NOBODY}:node:{NOBODY}"],
            "SAN",
        ),
        ("/", ["-addext", "subjectAltName=DNS:qingchuan.example"], "SAN"),
    ],
)
def test_a_request_that_names_somebody_else_is_refused(
    subject: str, options: list[str], field: str, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    csr = workstation.request("p256", *options, subject=subject)
    assert assert_refused("name_mismatch", heming, csr, zhou_lan).params["field"] == field


@pytest.mark.parametrize(
    "subject",
    [
        "/",
        "/CN=settlement-1",
        "/CN=heming-bank\\/settlement-1",
        "/CN=settlement-1/O=Heming Bank Co., Ltd./C=CN/OU=anything at all",
    ],
)
def test_own_names_are_taken(subject: str, heming: Node, zhou_lan: User, workstation: Workstation) -> None:
    assert submit(heming, workstation.request(subject=subject), zhou_lan).status == "submitted"


def test_a_request_for_an_authority_is_refused(
    heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    csr = workstation.request("p256", "-addext", "basicConstraints=critical,CA:TRUE")
    assert_refused("asks_for_authority", heming, csr, zhou_lan)


def test_the_same_key_twice_is_refused(
    heming: Node, zhou_lan: User, li_jun: User, workstation: Workstation
) -> None:
    key = workstation.key("p256")
    submit(heming, workstation.request(key=key), zhou_lan)
    assert_refused("key_seen_before", heming, workstation.request(key=key), zhou_lan)
    other = NodeFactory(institution=li_jun.institution)
    assert_refused("key_seen_before", other, workstation.request(key=key), li_jun)


def test_a_rejected_request_does_not_free_its_key(
    heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> None:
    key = workstation.key("p256")
    request = submit(heming, workstation.request(key=key), zhou_lan)
    services.reject_request(request, actor=wang_min, reason="Wrong network")
    assert_refused("key_seen_before", heming, workstation.request(key=key), zhou_lan)


def test_the_key_of_an_issued_certificate_is_refused(
    certify: Callable[..., Certificate], heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    certify(heming, zhou_lan)
    csr = workstation.request(key=workstation.home / "1.key")
    assert_refused("key_seen_before", heming, csr, zhou_lan)


def test_the_authoritys_own_key_is_refused(pki: Pki, heming: Node, zhou_lan: User) -> None:
    key = keys.open_key("nodes")
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    csr = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    assert_refused("key_seen_before", heming, csr, zhou_lan)


def test_a_node_has_one_open_request(heming: Node, zhou_lan: User, workstation: Workstation) -> None:
    submit(heming, workstation.request(), zhou_lan)
    assert_refused("request_already_open", heming, workstation.request(), zhou_lan)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.ACTIVE])
def test_only_an_active_member_may_ask(status: Status, workstation: Workstation) -> None:
    officer = UserFactory(institution=InstitutionFactory(status=status))
    node = NodeFactory(institution=officer.institution)
    assert_refused("institution_not_active", node, workstation.request(), officer)


def test_a_retired_node_gets_none(heming: Node, zhou_lan: User, workstation: Workstation) -> None:
    heming.retired_at = timezone.now()
    heming.save()
    assert_refused("node_retired", heming, workstation.request(), zhou_lan)


def test_another_banks_node_is_not_there_for_me(heming: Node, li_jun: User, workstation: Workstation) -> None:
    refusal = assert_refused("not_found", heming, workstation.request(), li_jun)
    assert isinstance(refusal, NotFound)
    event = Event.objects.get(action="request.refused")
    # On the timeline of who tried, not of the bank that was tried.
    assert (event.institution_id, event.node_id) == (li_jun.institution_id, None)
    assert event.subject_id == str(li_jun.pk)


def test_the_regulator_asks_for_nothing(heming: Node, wu_rui: User, workstation: Workstation) -> None:
    assert isinstance(assert_refused("not_allowed", heming, workstation.request(), wu_rui), NotAllowed)


def test_the_secretariat_may_ask_for_a_member(heming: Node, wang_min: User, workstation: Workstation) -> None:
    assert submit(heming, workstation.request(), wang_min).requested_by == wang_min


@pytest.mark.django_db(transaction=True)
def test_of_two_who_send_one_key_at_once_one_is_refused(workstation: Workstation) -> None:
    people = [UserFactory() for _ in range(2)]
    nodes = [NodeFactory(institution=person.institution) for person in people]
    csr = workstation.request()
    start, outcomes = threading.Barrier(2), []

    def send(node: Node, person: User) -> None:
        start.wait()
        try:
            outcomes.append(submit(node, csr, person).status)
        except errors.KeySeenBefore as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=pair) for pair in zip(nodes, people, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["key_seen_before", "submitted"]
    assert SeenKey.objects.count() == CertificateRequest.objects.count() == 1


def test_the_name_that_the_gate_knows_a_node_by(
    heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    urn = building.node_urn(heming)
    csr = workstation.request("p256", "-addext", f"subjectAltName=URI:{urn},IP:{heming.host}")
    assert submit(heming, csr, zhou_lan).node == heming
