"""Requests are decided one by one or together; certificates are revoked with a reason. All on a real CA."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from certs import issuing, services
from certs.models import Certificate, CertificateRequest
from consortium.members.models import Node
from tests.certs.conftest import Pki, pki, places, sealed_keys
from tests.certs.openssl import Workstation
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

__all__ = ["pki", "places", "sealed_keys"]  # fixtures
pytestmark = pytest.mark.django_db

LIST = "admin:certs_certificaterequest_changelist"


@pytest.fixture
def bank(db: None) -> Any:
    return InstitutionFactory(active=True, short_name="heming-bank")


def asked(node: Node, home: Any) -> CertificateRequest:
    officer = UserFactory(institution=node.institution)
    csr = Workstation(home / f"ws-{node.name}").request("p256")
    return services.submit_request(node=node, profile="evm-node", csr=csr, actor=officer)


def act(client: Client, row: Any, name: str, /, **data: Any) -> Any:
    model = f"{row._meta.app_label}_{row._meta.model_name}"
    return client.post(reverse(f"admin:{model}_{name}", args=[row.pk]), data)


def test_a_requests_page_shows_key_subject_and_the_csr_as_text(
    zhou_lan: Client, wu_rui: Client, pki: Pki, bank: Any, tmp_path: Any
) -> None:
    request = asked(NodeFactory(institution=bank, name="node-1"), tmp_path)
    address = reverse("admin:certs_certificaterequest_change", args=[request.pk])
    for reader in (zhou_lan, wu_rui):
        page = reader.get(address).content.decode()
        assert "BEGIN CERTIFICATE REQUEST" in page
        assert "EC secp256r1" in page
        assert f"urn:consortium:{request.institution_id}:node:{request.node_id}" in page


def test_approving_leads_to_a_certificate_whose_page_opens(
    zhou_lan: Client, wu_rui: Client, pki: Pki, bank: Any, tmp_path: Any
) -> None:
    request = asked(NodeFactory(institution=bank, name="node-1"), tmp_path)
    assert act(zhou_lan, request, "approve", reason="").status_code == 302
    certificate = issuing.issue(request.pk)
    assert certificate is not None
    page = wu_rui.get(reverse("admin:certs_certificate_change", args=[certificate.pk])).content.decode()
    assert certificate.serial_id in page
    assert "BEGIN CERTIFICATE" in page


def test_rejecting_needs_a_reason(zhou_lan: Client, pki: Pki, bank: Any, tmp_path: Any) -> None:
    request = asked(NodeFactory(institution=bank, name="node-1"), tmp_path)
    assert act(zhou_lan, request, "reject", reason="").status_code == 400
    request.refresh_from_db()
    assert request.status == "submitted"
    assert act(zhou_lan, request, "reject", reason="Wrong node.").status_code == 302
    request.refresh_from_db()
    assert (request.status, request.decision_reason) == ("rejected", "Wrong node.")


def test_an_approval_is_taken_back_until_it_is_signed(
    zhou_lan: Client, pki: Pki, bank: Any, tmp_path: Any
) -> None:
    early, late = (asked(NodeFactory(institution=bank, name=f"node-{n}"), tmp_path) for n in (1, 2))
    for request in (early, late):
        act(zhou_lan, request, "approve", reason="")
    address = reverse("admin:certs_certificaterequest_change", args=[early.pk])
    assert [str(button["label"]) for button in zhou_lan.get(address).context["buttons"]] == ["Reject"]
    assert act(zhou_lan, early, "reject", reason="Wrong caller.").status_code == 302
    early.refresh_from_db()
    assert (early.status, early.decision_reason) == ("rejected", "Wrong caller.")
    assert issuing.issue(early.pk) is None
    assert issuing.issue(late.pk) is not None
    assert act(zhou_lan, late, "reject", reason="Too late.").status_code == 409


def test_a_decided_request_can_not_be_decided_again(
    zhou_lan: Client, pki: Pki, bank: Any, tmp_path: Any
) -> None:
    request = asked(NodeFactory(institution=bank, name="node-1"), tmp_path)
    act(zhou_lan, request, "reject", reason="Wrong node.")
    page = act(zhou_lan, request, "approve", reason="")
    assert page.status_code == 409
    assert page.context["form"].non_field_errors()


def test_many_are_approved_row_by_row_and_refusals_are_named(
    zhou_lan: Client, pki: Pki, bank: Any, tmp_path: Any
) -> None:
    requests = [asked(NodeFactory(institution=bank, name=f"node-{n}"), tmp_path) for n in range(3)]
    act(zhou_lan, requests[0], "reject", reason="Wrong node.")
    page = zhou_lan.post(
        reverse(LIST),
        {"action": "approve_chosen", "_selected_action": [request.pk for request in requests]},
        follow=True,
    )
    said = [str(message) for message in page.context["messages"]]
    assert said[-2] == "2 done."
    assert said[-1].startswith("1 refused: heming-bank/node-0")
    assert CertificateRequest.objects.filter(status="approved").count() == 2


def test_the_regulator_approves_nothing(wu_rui: Client, pki: Pki, bank: Any, tmp_path: Any) -> None:
    request = asked(NodeFactory(institution=bank, name="node-1"), tmp_path)
    assert act(wu_rui, request, "approve", reason="").status_code == 403
    wu_rui.post(reverse(LIST), {"action": "approve_chosen", "_selected_action": [request.pk]})
    request.refresh_from_db()
    assert request.status == "submitted"


def test_a_certificate_is_revoked_with_a_reason_once(
    zhou_lan: Client, pki: Pki, bank: Any, tmp_path: Any
) -> None:
    request = asked(NodeFactory(institution=bank, name="node-1"), tmp_path)
    act(zhou_lan, request, "approve", reason="")
    certificate = issuing.issue(request.pk)
    assert certificate is not None
    assert act(zhou_lan, certificate, "revoke", reason="", comment="").status_code == 400
    page = act(zhou_lan, certificate, "revoke", reason="keyCompromise", comment="Stolen laptop.")
    assert page.status_code == 302
    again = Certificate.objects.get(pk=certificate.pk)
    assert again.revocation.comment == "Stolen laptop."
    assert act(zhou_lan, again, "revoke", reason="superseded", comment="").status_code == 409
    shown = zhou_lan.get(reverse("admin:certs_certificate_change", args=[again.pk]))
    assert shown.context["buttons"] == []
    assert "Stolen laptop." in shown.content.decode()


def test_authorities_have_pages(zhou_lan: Client, pki: Pki) -> None:
    for authority in (pki.root, pki.nodes):
        page = zhou_lan.get(reverse("admin:certs_authority_change", args=[authority.pk]))
        assert "keyUsage (critical)" in page.content.decode()
