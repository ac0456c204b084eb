"""Step 5: who may ask for whom, and what somebody else may learn: nothing."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs import services
from certs.models import CertificateRequest
from certs.services import admission
from consortium.core.errors import ConsoleError, NotFound
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs import hostile
from tests.certs.gate.conftest import Issue, csr, new_key
from tests.certs.hostile import COMMON_NAME, ORGANIZATION, rdn, utf8
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def sun_hao(heming: Node) -> User:
    """Another officer of Heming Bank."""
    return UserFactory(institution=heming.institution, username="sun.hao", email="sun.hao@heming.example")


def refusal_of(**asked: object) -> ConsoleError:
    with pytest.raises(ConsoleError) as refusal:
        services.submit_request(**asked)  # type: ignore[arg-type]
    return refusal.value


# --- People and programs ----------------------------------------------------------------------------------
def test_an_officer_asks_for_himself(sun_hao: User) -> None:
    request = services.submit_request(holder=sun_hao, profile="officer", csr=csr(), actor=sun_hao)
    assert (request.holder, request.node, request.status) == (sun_hao, None, "submitted")
    event = Event.objects.get(action="request.submitted")
    assert (event.institution_id, event.node_id) == (sun_hao.institution_id, None)


@pytest.mark.parametrize("profile", ["officer", "client"])
def test_nobody_gets_a_certificate_that_names_a_colleague(
    profile: str, sun_hao: User, zhou_lan: User
) -> None:
    refusal = refusal_of(holder=sun_hao, profile=profile, csr=csr(), actor=zhou_lan)
    assert refusal.code == "not_allowed"
    assert Event.objects.get(action="request.refused").subject_id == str(sun_hao.pk)


@pytest.mark.parametrize("profile", ["officer", "client"])
def test_the_secretariat_may_hand_it_in_for_another(profile: str, sun_hao: User, wang_min: User) -> None:
    request = services.submit_request(holder=sun_hao, profile=profile, csr=csr(), actor=wang_min)
    assert request.requested_by == wang_min


@pytest.mark.parametrize("profile", ["officer", "client"])
def test_another_banks_officer_is_not_there_for_me(profile: str, sun_hao: User, li_jun: User) -> None:
    refusal = refusal_of(holder=sun_hao, profile=profile, csr=csr(), actor=li_jun)
    assert isinstance(refusal, NotFound)
    event = Event.objects.get(action="request.refused")
    assert (event.subject_id, event.institution_id) == (str(li_jun.pk), li_jun.institution_id)


def test_the_secretariats_own_people_have_no_institution_to_be_certified_for(wang_min: User) -> None:
    assert refusal_of(holder=wang_min, profile="officer", csr=csr(), actor=wang_min).code == "not_found"


def test_an_account_that_is_off_gets_none(sun_hao: User, wang_min: User) -> None:
    sun_hao.is_active = False
    sun_hao.save()
    refusal = refusal_of(holder=sun_hao, profile="officer", csr=csr(), actor=wang_min)
    assert refusal.code == "holder_inactive"


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ("evm-node", "profile_not_for_this"),
        ("gateway", "profile_not_for_this"),
        ("ocsp", "profile_not_for_this"),
    ],
)
def test_a_profile_for_others_is_refused(profile: str, code: str, sun_hao: User) -> None:
    assert refusal_of(holder=sun_hao, profile=profile, csr=csr(), actor=sun_hao).code == code


@pytest.mark.parametrize("profile", ["officer", "client", "gateway", "ocsp", "list-signer"])
def test_a_node_gets_a_nodes_profile_alone(profile: str, heming: Node, zhou_lan: User) -> None:
    assert refusal_of(node=heming, profile=profile, csr=csr(), actor=zhou_lan).code == "profile_not_for_this"


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ((rdn(COMMON_NAME, utf8("sun.hao")), rdn(ORGANIZATION, utf8("heming-bank"))), ""),
        ((rdn(COMMON_NAME, utf8("zhou.lan")),), "name_mismatch"),
        ((rdn(COMMON_NAME, utf8("settlement-1")),), "name_mismatch"),
        ((rdn(ORGANIZATION, utf8("qingchuan-bank")),), "name_mismatch"),
    ],
)
def test_an_officers_request_names_the_officer_or_nobody(
    names: tuple[bytes, ...], code: str, sun_hao: User
) -> None:
    request = csr(None, *names)
    if code:
        assert refusal_of(holder=sun_hao, profile="officer", csr=request, actor=sun_hao).code == code
    else:
        assert services.submit_request(holder=sun_hao, profile="officer", csr=request, actor=sun_hao).pk


def test_an_officers_certificate_says_who_and_of_which_bank(issue: Issue, sun_hao: User) -> None:
    made = issue(holder=sun_hao, profile="officer", csr=csr(), actor=sun_hao)
    leaf = x509.load_der_x509_certificate(bytes(made.der))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    urn = f"urn:consortium:{sun_hao.institution_id}:holder:{sun_hao.pk}"
    assert [name.value for name in names] == [urn]
    assert [part.rfc4514_string() for part in leaf.subject.rdns] == [
        "CN=sun.hao",
        "O=heming-bank",
        "OU=officer",
    ]
    assert (made.authority.purpose, made.holder, made.node) == ("access", sun_hao, None)


def test_one_open_request_a_profile(sun_hao: User) -> None:
    services.submit_request(holder=sun_hao, profile="officer", csr=csr(), actor=sun_hao)
    services.submit_request(holder=sun_hao, profile="client", csr=csr(), actor=sun_hao)
    refusal = refusal_of(holder=sun_hao, profile="officer", csr=csr(), actor=sun_hao)
    assert (refusal.code, refusal.params["subject"]) == ("request_already_open", str(sun_hao))


# --- What a stranger learns -------------------------------------------------------------------------------
def answers(
    node: Node, actor: User, key: ec.EllipticCurvePrivateKey, *, profile: str
) -> list[tuple[str, object]]:
    """What ``actor`` is told of ``node``, whatever he tries; all of it."""
    tries = [
        csr(),
        csr(None, rdn(COMMON_NAME, utf8("settlement-1"))),
        csr(None, rdn(COMMON_NAME, utf8("something"))),
        csr(None, rdn(ORGANIZATION, utf8("heming-bank"))),
        csr(key),
        hostile.Maker(1).named(rdn(COMMON_NAME, utf8("\x00"))),
        b"noise",
    ]
    told = []
    for data in tries:
        refusal = refusal_of(node=node, profile=profile, csr=data, actor=actor)
        told.append((refusal.code, refusal.params))
    return told


@pytest.mark.parametrize("profile", ["evm-node", "fisco-bcos-2", "fisco-bcos-3"])
def test_of_anothers_node_everything_is_the_same_as_of_one_that_is_not_there(
    profile: str, heming: Node, zhou_lan: User, li_jun: User
) -> None:
    """An active one with an open request; a retired one of a bank that left; no row at all."""
    services.submit_request(node=heming, profile="evm-node", csr=csr(), actor=zhou_lan)
    gone = NodeFactory(institution=InstitutionFactory(status="exited"), retired_at="2026-01-01T00:00:00Z")
    nowhere = Node(name="ghost", institution=InstitutionFactory(), network=heming.network, host="10.9.9.9")
    key = new_key()
    told = [answers(node, li_jun, key, profile=profile) for node in (heming, gone, nowhere)]
    assert told[0] == told[1] == told[2]
    assert not {"heming-bank", "settlement-1", "10.1.2.3"} & {str(told[0])}


def test_a_stranger_with_a_nodes_key_is_not_told_whose_it_is(
    issue: Issue, heming: Node, zhou_lan: User, li_jun: User
) -> None:
    """Where the profile keeps its key its owner may come again; anybody else hears what all hear."""
    key = new_key(ec.SECP256K1())
    issue(node=heming, profile="fisco-bcos-2", csr=csr(key), actor=zhou_lan)
    other = NodeFactory(institution=heming.institution)
    told = {
        refusal_of(node=node, profile="fisco-bcos-2", csr=csr(key), actor=li_jun).code
        for node in (heming, other)
    }
    assert told == {"key_seen_before"}


def test_the_steps_come_in_their_order(heming: Node, zhou_lan: User, li_jun: User) -> None:
    """Everything is wrong at once; taking away what is wrong first shows what comes next."""
    settled = new_key()
    services.submit_request(node=heming, profile="evm-node", csr=csr(settled), actor=zhou_lan)
    tiny = ec.derive_private_key(1, ec.SECP256R1())
    forged = hostile.signed(hostile.body(hostile.spki_of(tiny)), new_key())
    steps = [
        (b"x" * 20_000, "no-such", "request_too_large"),
        (b"noise", "no-such", "malformed_request"),
        (forged, "no-such", "no_proof_of_possession"),
        (csr(tiny), "no-such", "unknown_profile"),
        (csr(tiny), "officer", "profile_not_for_this"),
        (csr(tiny), "fisco-bcos-3", "key_not_accepted"),
        (csr(tiny), "evm-node", "weak_key"),
        (csr(settled), "evm-node", "key_seen_before"),
        (csr(), "evm-node", "not_found"),
    ]
    found = [
        refusal_of(node=heming, profile=name, csr=data, actor=li_jun).code for data, name, _code in steps
    ]
    assert found == [code for _data, _name, code in steps]
    assert CertificateRequest.objects.count() == 1


def test_a_request_is_for_a_node_or_for_a_holder(heming: Node, sun_hao: User) -> None:
    for both in ({}, {"node": heming, "holder": sun_hao}):
        with pytest.raises(TypeError):
            services.submit_request(**both, profile="client", csr=csr(), actor=sun_hao)  # type: ignore[arg-type]


def test_a_person_who_changed_banks_can_not_be_signed_for_the_old_one(sun_hao: User, wang_min: User) -> None:
    request = services.submit_request(holder=sun_hao, profile="client", csr=csr(), actor=sun_hao)
    sun_hao.institution = InstitutionFactory(active=True)
    sun_hao.save()
    with pytest.raises(ConsoleError) as refusal:
        services.approve_request(request, actor=wang_min)
    assert refusal.value.code == "holder_inactive"
    request.refresh_from_db()
    assert request.status == "submitted"
    assert Event.objects.get(action="request.decision_refused").data["code"] == "holder_inactive"
    request.holder = sun_hao
    with pytest.raises(ConsoleError):
        admission.subject_of(request)
