"""Two keys with a prime in common: the second is refused, whoever sends it; both, when they came at once."""

from __future__ import annotations

import math
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from certs import services
from certs.errors import WeakKey
from certs.gate.shared import Moduli
from certs.models import CertificateRequest, SeenKey
from certs.services import moduli
from consortium.core import clock
from consortium.members.models import Node, User
from tests.certs import hostile
from tests.factories import NodeFactory

PRIMES = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41]
Pairs = st.tuples(st.sampled_from(PRIMES), st.sampled_from(PRIMES)).map(sorted).map(tuple)


@pytest.fixture(autouse=True)
def _nothing_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process remembers is of other tests' tables, and of their clocks."""
    monkeypatch.setattr(moduli, "_read", moduli._Read())


@given(st.lists(Pairs, max_size=8), Pairs)
def test_it_says_what_comparing_each_with_each_would(
    seen: list[tuple[int, int]], new: tuple[int, int]
) -> None:
    known, number = Moduli(), math.prod(new)
    known.add(map(math.prod, seen[:3]))
    known.add(map(math.prod, [*seen, *seen]))
    others = [math.prod(pair) for pair in seen if math.prod(pair) != number]
    assert known.share_a_prime_with(number) == any(math.gcd(other, number) > 1 for other in others)


def family(seed: int) -> list[bytes]:
    """Requests of two RSA 2048 keys with one prime in common."""
    rng = random.Random(seed)
    common, *own = (hostile._prime(rng, 1024) for _ in range(3))
    return [
        hostile.rsa_request(common * prime, 65537, hostile._private(65537, common, prime)) for prime in own
    ]


@pytest.mark.django_db
def test_the_second_of_two_such_keys_is_refused(heming: Node, zhou_lan: User, li_jun: User) -> None:
    first, second = family(1)
    services.submit_request(node=heming, profile="fisco-bcos-3", csr=first, actor=zhou_lan)
    other = NodeFactory(institution=li_jun.institution)
    with pytest.raises(WeakKey) as refusal:
        services.submit_request(node=other, profile="fisco-bcos-3", csr=second, actor=li_jun)
    assert refusal.value.params["flaw"] == "shared prime"
    assert CertificateRequest.objects.count() == 1


@pytest.mark.django_db
def test_two_that_came_at_once_are_found_at_approval(
    heming: Node, zhou_lan: User, li_jun: User, wang_min: User
) -> None:
    """As if each had been checked before the other was there."""
    first, second = family(2)
    made = services.submit_request(node=heming, profile="fisco-bcos-3", csr=first, actor=zhou_lan)
    other = NodeFactory(institution=li_jun.institution)
    sent = CertificateRequest.objects.create(
        institution=other.institution,
        node=other,
        profile="fisco-bcos-3",
        csr=second,
        spki_sha256="ab" * 32,
        key_description="RSA 2048",
        requested_by=li_jun,
        requested_at=clock.now(),
    )
    SeenKey.objects.create(spki_sha256=sent.spki_sha256, request=sent, seen_at=clock.now())
    with pytest.raises(WeakKey):
        services.approve_request(made, actor=wang_min)
    made.refresh_from_db()
    assert made.status == "submitted"


@pytest.mark.django_db
def test_keys_of_their_own_primes_pass_one_after_the_other(
    heming: Node, zhou_lan: User, wang_min: User
) -> None:
    nodes = [heming, *(NodeFactory(institution=heming.institution) for _ in range(2))]
    for node in nodes:
        key = rsa.generate_private_key(65537, 2048)
        numbers = key.private_numbers()
        csr = hostile.rsa_request(numbers.public_numbers.n, 65537, numbers.d)
        request = services.submit_request(node=node, profile="fisco-bcos-3", csr=csr, actor=zhou_lan)
        assert services.approve_request(request, actor=wang_min).status == "approved"


@pytest.mark.django_db
def test_a_stored_request_that_nobody_can_read_is_passed_over_and_told(
    heming: Node, zhou_lan: User, li_jun: User, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = family(3)
    made = services.submit_request(node=heming, profile="fisco-bcos-3", csr=first, actor=zhou_lan)
    broken = CertificateRequest.objects.create(
        institution=heming.institution,
        node=NodeFactory(institution=heming.institution, name="broken"),
        profile="fisco-bcos-3",
        csr=b"nothing",
        spki_sha256="cd" * 32,
        key_description="RSA 2048",
        requested_by=zhou_lan,
        requested_at=made.requested_at,
    )
    other = NodeFactory(institution=li_jun.institution)
    with pytest.raises(WeakKey):  # the readable ones are still held against it
        services.submit_request(node=other, profile="fisco-bcos-3", csr=second, actor=li_jun)
    told = [record for record in caplog.records if record.name == "certs.services.moduli"]
    assert [(record.levelname, str(broken.pk) in record.getMessage()) for record in told] == [("ERROR", True)]
