"""Thousands of hostile requests: each refused by its own word, nothing else raised, nothing left behind."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from certs import gate, rules, services
from certs.models import Certificate, CertificateRequest, SeenKey, SerialNumber
from consortium.core.errors import ConsoleError
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from tests.certs import hostile
from tests.certs.hostile import KINDS, hostile_requests

COUNT = 2200
THROUGH_THE_API = 2000
SEED = 20261123
OWN = {
    "CN": ("settlement-1", "heming-bank/settlement-1"),
    "O": ("heming-bank", "Heming Bank Co., Ltd.", "和鸣银行"),
    "SAN": ("urn:consortium:1:node:2", "10.1.2.3"),
}
# What each kind may be refused as; the first thing wrong decides, and that may depend on the profile.
READING = {"malformed_request", "no_proof_of_possession", "weak_signature"}
KEY = {"key_not_accepted", "weak_key"}
EXPECTED: dict[str, set[str]] = defaultdict(
    lambda: READING,
    {
        "something-else": {"malformed_request", "private_key_sent"},
        "weak-rsa": {*KEY, "weak_exponent", "malformed_request"},
        "short-rsa": {"key_not_accepted"},
        "impossible-rsa": READING,
        "tiny-ec-key": KEY,
        "other-curve": {"key_not_accepted"},
        "too-large": {"request_too_large"},
        "unseen-characters": {"unfit_name"},
        "looks-like-its-own": {"name_mismatch", "key_not_accepted"},
        "another-members-names": {"name_mismatch", "key_not_accepted"},
        "wants-to-be-an-authority": {"asks_for_authority"},
        "key-seen-before": {*KEY, "key_seen_before"},
    },
)
Table = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def table() -> Table:
    return list(hostile_requests(SEED, COUNT))


def kind_of(name: str) -> str:
    return name.rsplit("-", 1)[0]


def outcome(data: bytes, profile: str) -> str:
    """By the steps that need no record but the names: the code of the refusal, or "" where there was none."""
    try:
        read = gate.read(data)
        gate.check(rules.profile(profile), read)
        rules.check_names(read.names, OWN)
    except ConsoleError as refusal:
        return refusal.code if str(refusal) else "a refusal without a word"
    return ""


@pytest.mark.parametrize("profile", ["evm-node", "fisco-bcos-3"])
def test_every_hostile_request_is_refused_by_its_word(
    table: Table, profile: str, caplog: pytest.LogCaptureFixture
) -> None:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, data in table:
        found[kind_of(name)][outcome(data, profile)] += 1
    assert sum(codes.total() for codes in found.values()) == COUNT >= 2000
    assert set(found) == set(KINDS)
    unexpected = {kind: codes for kind, codes in found.items() if not set(codes) <= EXPECTED[kind]}
    assert not unexpected
    assert not caplog.records  # nothing raised that the gate did not foresee


def test_the_table_is_the_same_each_time(table: Table) -> None:
    assert list(hostile_requests(SEED, 120)) == table[:120]
    assert len({data for _name, data in table}) > COUNT * 3 / 4


def test_what_it_is_made_of_is_sound() -> None:
    """Or its refusals would prove nothing."""
    maker = hostile.Maker(7)
    for _ in range(20):
        assert outcome(maker.sound(), "evm-node") == ""
    modulus, exponent, private = hostile.short_rsa_key(3072)
    assert outcome(hostile.rsa_request(modulus, exponent, private), "evm-node") == ""
    modulus, exponent, private = hostile.short_rsa_key(2048)
    assert outcome(hostile.rsa_request(modulus, exponent, private), "fisco-bcos-3") == ""


@pytest.fixture
def seen(heming: Node, li_jun: User) -> ec.EllipticCurvePrivateKey:
    """A key that another bank's node asked with."""
    from tests.factories import NodeFactory

    maker = hostile.Maker(11)
    key = maker.key()
    csr = hostile.signed(hostile.body(hostile.spki_of(key)), key)
    other = NodeFactory(institution=li_jun.institution, name="clearing-9")
    services.submit_request(node=other, profile="evm-node", csr=csr, actor=li_jun)
    return key


def sample(seen: ec.EllipticCurvePrivateKey, rounds: int, seed: int) -> Table:
    return list(hostile_requests(seed, rounds * len(KINDS), seen=seen))


def rows() -> tuple[int, ...]:
    tables = (CertificateRequest, SeenKey, SerialNumber, Certificate, OutboxMessage)
    return tuple(table.objects.count() for table in tables)


@pytest.mark.django_db
def test_through_the_service_each_leaves_its_event_and_nothing_else(
    heming: Node, zhou_lan: User, seen: ec.EllipticCurvePrivateKey
) -> None:
    before = rows()
    codes: Counter[str] = Counter()
    requests = sample(seen, 5, seed=3)
    for name, data in requests:
        with pytest.raises(ConsoleError) as refusal:
            services.submit_request(node=heming, profile="evm-node", csr=data, actor=zhou_lan)
        codes[refusal.value.code] += 1
        assert refusal.value.code in EXPECTED[kind_of(name)], name
        assert refusal.value.status in {400, 409, 413}, name
    assert rows() == before
    recorded = Event.objects.filter(action="request.refused", actor_id=zhou_lan.pk)
    assert Counter(event.data["code"] for event in recorded) == codes
    assert codes["key_seen_before"] == 5


def as_text(data: bytes) -> str:
    """All that JSON carries: what is no text comes as PEM or with its bytes replaced."""
    text = data.decode(errors="replace") if b"-----" in data else hostile.pem(data).decode()
    # Blanks around it are taken away before the gate sees it: what is too large for them alone is sound then.
    return text if len(text.strip()) > rules.SIZE_LIMIT or len(text) <= rules.SIZE_LIMIT else f"{text}."


@pytest.mark.django_db
def test_through_the_api_each_is_answered_and_nothing_is_left(
    heming: Node,
    zhou_lan: User,
    seen: ec.EllipticCurvePrivateKey,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consortium.web.api.throttling.Throttle.allow_request", lambda *_args: True)
    client.force_login(zhou_lan)
    before, address, rounds = (
        rows(),
        reverse("api:certificaterequest-list"),
        THROUGH_THE_API // len(KINDS) + 1,
    )
    codes: Counter[str] = Counter()
    for name, data in sample(seen, rounds, seed=5):
        sent = {"node": str(heming.pk), "profile": "evm-node", "csr": as_text(data)}
        answer = client.post(address, sent, content_type="application/json")
        assert answer.status_code in {400, 409, 413}, name
        assert answer.headers["Content-Type"].startswith("application/json"), name
        codes[answer.json()["code"]] += 1
    assert codes.total() == rounds * len(KINDS) >= THROUGH_THE_API
    assert codes["key_seen_before"] == rounds
    assert rows() == before
    # All were read by the gate but those in which the serializer finds characters or a length that it won't.
    recorded = Event.objects.filter(action="request.refused", actor_id=zhou_lan.pk)
    unread = codes.pop("invalid_input")
    assert Counter(recorded.values_list("data__code", flat=True)) == codes
    assert unread < codes.total() / 20


@pytest.mark.django_db
def test_through_the_portals_form_each_kind_is_refused_on_the_page(
    heming: Node, zhou_lan: User, seen: ec.EllipticCurvePrivateKey, client: Client
) -> None:
    """As a file, octet by octet."""
    client.force_login(zhou_lan)
    before, address = rows(), reverse("portal:submit_request", args=[heming.pk])
    recorded = Event.objects.filter(action="request.refused", actor_id=zhou_lan.pk)
    requests = sample(seen, 1, seed=6)
    assert len(requests) == len(KINDS)
    for number, (name, data) in enumerate(requests, 1):
        sent = {"profile": "evm-node", "csr_file": SimpleUploadedFile("node.csr", data)}
        answer = client.post(address, sent)
        assert answer.status_code in {400, 409, 413}, name
        assert answer.headers["Content-Type"].startswith("text/html"), name
        assert recorded.count() == number, name  # it was the gate that refused it, not the form
        assert recorded.latest("pk").data["code"] in EXPECTED[kind_of(name)], name
    assert rows() == before
