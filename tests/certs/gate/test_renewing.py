"""Renewal through the gate: when, of what, with which key, and when a node's own proof is enough."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs import issuing, services
from certs.models import Certificate, CertificateRequest, SeenKey
from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.core.events import AutomaticActor
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from tests.certs.gate.conftest import Issue, csr, new_key
from tests.factories import NodeFactory

pytestmark = pytest.mark.django_db
NODE = AutomaticActor("node heming-bank/settlement-1")


@pytest.fixture
def first(issue: Issue, heming: Node, zhou_lan: User) -> Certificate:
    return issue(node=heming, profile="evm-node", csr=csr(), actor=zhou_lan)


@pytest.fixture
def own_key() -> ec.EllipticCurvePrivateKey:
    return new_key(ec.SECP256K1())


@pytest.fixture
def kept(issue: Issue, heming: Node, zhou_lan: User, own_key: ec.EllipticCurvePrivateKey) -> Certificate:
    """Of a FISCO BCOS 2 node, whose key is its identity."""
    return issue(node=heming, profile="fisco-bcos-2", csr=csr(own_key), actor=zhou_lan)


def due(certificate: Certificate) -> datetime:
    return certificate.not_after - timedelta(days=20)


def code_of(**asked: object) -> str:
    with pytest.raises(ConsoleError) as refusal:
        services.submit_request(**asked)  # type: ignore[arg-type]
    return refusal.value.code


def by_proof(certificate: Certificate, data: bytes) -> CertificateRequest:
    return services.submit_request(
        node=certificate.node,
        profile=certificate.profile,
        csr=data,
        actor=NODE,
        origin=CertificateRequest.Origin.EST,
        renews=certificate,
        renewed_by_proof=True,
    )


# --- By the portal ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before_the_end", "code"),
    [
        (timedelta(days=60, seconds=1), "renewal_not_open"),
        (timedelta(days=60), ""),
        (timedelta(0), ""),
        (timedelta(seconds=-1), "renewal_not_open"),
    ],
)
def test_it_is_open_from_the_profiles_window_to_the_end(
    before_the_end: timedelta, code: str, first: Certificate, heming: Node, zhou_lan: User
) -> None:
    asked = {"node": heming, "profile": "evm-node", "csr": csr(), "actor": zhou_lan, "renews": first}
    with clock.frozen(first.not_after - before_the_end):
        if code:
            assert code_of(**asked) == code
        else:
            request = services.submit_request(**asked)
            assert (request.renews, request.renewed_by_proof, request.status) == (first, False, "submitted")


def test_it_needs_a_second_person_again(
    first: Certificate, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    with clock.frozen(due(first)):
        request = services.submit_request(
            node=heming, profile="evm-node", csr=csr(), actor=zhou_lan, renews=first
        )
        assert request.status == "submitted"
        services.approve_request(request, actor=wang_min)
        second = issuing.issue(request.pk)
    assert second is not None
    assert second.node == heming
    assert second.not_after > first.not_after


def test_one_does_not_renew_another_nodes_or_profiles(
    first: Certificate, heming: Node, zhou_lan: User
) -> None:
    other = NodeFactory(institution=heming.institution)
    with clock.frozen(due(first)):
        for node, profile, key in (
            (other, "evm-node", new_key()),
            (heming, "fisco-bcos-2", new_key(ec.SECP256K1())),
        ):
            asked = {"node": node, "profile": profile, "csr": csr(key), "actor": zhou_lan, "renews": first}
            assert code_of(**asked) == "renewal_of_another"


def test_what_is_revoked_is_not_renewed(first: Certificate, heming: Node, zhou_lan: User) -> None:
    services.revoke(first, reason="superseded", comment="", actor=zhou_lan)
    with clock.frozen(due(first)):
        asked = {"node": heming, "profile": "evm-node", "csr": csr(), "actor": zhou_lan, "renews": first}
        assert code_of(**asked) == "renewal_not_open"


# --- By proof ---------------------------------------------------------------------------------------------
def test_a_nodes_own_certificate_stands_for_the_two_people(
    first: Certificate, zhou_lan: User, wang_min: User
) -> None:
    OutboxMessage.objects.all().delete()  # what the first one owed
    with clock.frozen(due(first)):
        request = by_proof(first, csr())
        request.refresh_from_db()
        assert (request.status, request.renewed_by_proof, request.origin) == ("approved", True, "est")
        assert (request.requested_by, request.decided_by) == (zhou_lan, wang_min)
        assert OutboxMessage.objects.filter(topic="certs.issue").count() == 1
        second = issuing.issue(request.pk)
    assert second is not None
    event = Event.objects.filter(action="request.submitted").latest("at")
    assert (event.actor_id, event.actor_label) == (None, str(NODE))


def test_proof_of_another_node_is_no_proof(first: Certificate, heming: Node) -> None:
    other = NodeFactory(institution=heming.institution)
    with clock.frozen(due(first)), pytest.raises(ConsoleError) as refusal:
        services.submit_request(
            node=other, profile="evm-node", csr=csr(), actor=NODE, renews=first, renewed_by_proof=True
        )
    assert refusal.value.code == "renewal_of_another"


@pytest.mark.parametrize("what", ["name", "short_name"])
def test_what_the_record_says_anew_wants_people_again(what: str, first: Certificate, heming: Node) -> None:
    if what == "name":
        heming.name = "settlement-9"
        heming.save()
    else:
        heming.institution.short_name = "heming-holding"
        heming.institution.save()
    first.refresh_from_db()
    with clock.frozen(due(first)), pytest.raises(ConsoleError) as refusal:
        by_proof(first, csr())
    assert refusal.value.code == "renewal_needs_approval"
    assert CertificateRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [("suspended", "institution_not_active"), ("retired", "node_retired"), ("revoked", "renewal_not_open")],
)
def test_proof_does_not_help_who_may_not_have_one(
    change: str, code: str, first: Certificate, heming: Node, zhou_lan: User
) -> None:
    if change == "suspended":
        heming.institution.status = "suspended"
        heming.institution.save()
    elif change == "retired":
        heming.retired_at = clock.now()
        heming.save()
    else:
        services.revoke(first, reason="keyCompromise", comment="", actor=zhou_lan)
    first.refresh_from_db()
    with clock.frozen(due(first)), pytest.raises(ConsoleError) as refusal:
        by_proof(first, csr())
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "reason", ["suspended", "privilegeWithdrawn", "cessationOfOperation", "superseded", "keyCompromise"]
)
def test_proof_does_not_outlive_the_certificate_that_gave_it(
    reason: str, first: Certificate, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    """The signing worker may be away for hours: until it signs, what was proved can be taken back."""
    with clock.frozen(due(first)):
        request = by_proof(first, csr())
        if reason == "suspended":
            services.suspend(first, comment="The machine was stolen", actor=zhou_lan)
        else:
            services.revoke(first, reason=reason, comment="", actor=wang_min)
        assert issuing.issue(request.pk) is None
    request.refresh_from_db()
    assert (request.status, bool(request.decision_reason)) == ("rejected", True)
    assert list(Certificate.objects.filter(node=heming)) == [first]


def test_a_certificate_that_runs_out_while_its_successor_waits_takes_nothing_back(first: Certificate) -> None:
    with clock.frozen(first.not_after):
        request = by_proof(first, csr())
    with clock.frozen(first.not_after + timedelta(hours=2)):
        assert issuing.issue(request.pk) is not None


@pytest.mark.parametrize("what", ["name", "short_name"])
def test_a_name_that_changes_while_a_proof_waits_wants_people_again(
    what: str, first: Certificate, heming: Node
) -> None:
    with clock.frozen(due(first)):
        request = by_proof(first, csr())
        changed = heming if what == "name" else heming.institution
        setattr(changed, what, "central-bank")
        changed.save()
        assert issuing.issue(request.pk) is None
    request.refresh_from_db()
    assert request.status == "rejected"


def test_without_proof_a_request_is_a_persons(heming: Node) -> None:
    assert code_of(node=heming, profile="evm-node", csr=csr(), actor=NODE) == "not_allowed"


def test_proof_without_a_certificate_is_none(heming: Node) -> None:
    asked = {"node": heming, "profile": "evm-node", "csr": csr(), "actor": NODE, "renewed_by_proof": True}
    assert code_of(**asked) == "renewal_of_another"
    assert not CertificateRequest.objects.exists()


# --- The key that is kept ---------------------------------------------------------------------------------
def test_a_fisco_2_node_renews_with_its_own_key(
    kept: Certificate, own_key: ec.EllipticCurvePrivateKey, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    with clock.frozen(due(kept)):
        request = services.submit_request(
            node=heming, profile="fisco-bcos-2", csr=csr(own_key), actor=zhou_lan, renews=kept
        )
        services.approve_request(request, actor=wang_min)
        second = issuing.issue(request.pk)
    assert second is not None
    assert second.spki_sha256 == kept.spki_sha256
    assert second.public_key_hex == kept.public_key_hex
    assert SeenKey.objects.filter(pk=kept.spki_sha256).count() == 1


def test_by_proof_it_keeps_its_key_as_well(kept: Certificate, own_key: ec.EllipticCurvePrivateKey) -> None:
    with clock.frozen(due(kept)):
        second = issuing.issue(by_proof(kept, csr(own_key)).pk)
    assert second is not None
    assert second.spki_sha256 == kept.spki_sha256


def test_another_node_of_the_same_bank_does_not_get_that_key(
    kept: Certificate, own_key: ec.EllipticCurvePrivateKey, heming: Node, zhou_lan: User
) -> None:
    other = NodeFactory(institution=heming.institution)
    assert code_of(node=other, profile="fisco-bcos-2", csr=csr(own_key), actor=zhou_lan) == "key_seen_before"


def test_a_compromised_key_is_not_kept(
    kept: Certificate, own_key: ec.EllipticCurvePrivateKey, heming: Node, zhou_lan: User
) -> None:
    services.revoke(kept, reason="keyCompromise", comment="", actor=zhou_lan)
    asked = {"node": heming, "profile": "fisco-bcos-2", "csr": csr(own_key), "actor": zhou_lan}
    assert code_of(**asked) == "key_compromised"


@pytest.mark.parametrize(
    "reason", ["privilegeWithdrawn", "cessationOfOperation", "superseded", "unspecified"]
)
def test_what_was_revoked_does_not_return_under_its_key(
    reason: str, kept: Certificate, own_key: ec.EllipticCurvePrivateKey, heming: Node, wang_min: User
) -> None:
    services.revoke(kept, reason=reason, comment="", actor=wang_min)
    asked = {"node": heming, "profile": "fisco-bcos-2", "csr": csr(own_key), "actor": wang_min}
    assert code_of(**asked) == "key_seen_before"


def test_a_key_that_was_compromised_while_its_renewal_waited_is_not_approved(
    kept: Certificate, own_key: ec.EllipticCurvePrivateKey, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    with clock.frozen(due(kept)):
        request = services.submit_request(
            node=heming, profile="fisco-bcos-2", csr=csr(own_key), actor=zhou_lan, renews=kept
        )
    services.revoke(kept, reason="keyCompromise", comment="", actor=zhou_lan)
    with pytest.raises(ConsoleError) as refusal:
        services.approve_request(request, actor=wang_min)
    assert refusal.value.code == "key_compromised"


def test_a_rejected_requests_key_is_not_kept_either(heming: Node, zhou_lan: User, wang_min: User) -> None:
    """Nothing was certified with it, so there is nothing to renew."""
    key = new_key(ec.SECP256K1())
    request = services.submit_request(node=heming, profile="fisco-bcos-2", csr=csr(key), actor=zhou_lan)
    services.reject_request(request, actor=wang_min, reason="Unknown caller")
    assert code_of(node=heming, profile="fisco-bcos-2", csr=csr(key), actor=zhou_lan) == "key_seen_before"


def test_where_keys_are_not_kept_a_node_can_not_come_with_its_own(
    issue: Issue, heming: Node, zhou_lan: User
) -> None:
    key = new_key()
    first = issue(node=heming, profile="evm-node", csr=csr(key), actor=zhou_lan)
    with clock.frozen(due(first)):
        asked = {"node": heming, "profile": "evm-node", "csr": csr(key), "actor": zhou_lan, "renews": first}
        assert code_of(**asked) == "key_seen_before"
