"""Requests on their way: one of Heming Bank's, or several nodes' at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from certs import services
from certs.models import CertificateRequest
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation
from tests.factories import NodeFactory

Several = Callable[[int], list[CertificateRequest]]


@pytest.fixture
def approved(
    pki: Pki, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> CertificateRequest:
    """Approved, and not signed yet."""
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan
    )
    return services.approve_request(request, actor=wang_min)


@pytest.fixture
def several(pki: Pki, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation) -> Several:
    """``several(3)``: approved requests of three nodes of Heming Bank."""

    def make(count: int) -> list[CertificateRequest]:
        requests = []
        for number in range(count):
            node = NodeFactory(institution=heming.institution, name=f"clearing-{number}")
            request = services.submit_request(
                node=node, profile="evm-node", csr=workstation.request(), actor=zhou_lan
            )
            requests.append(services.approve_request(request, actor=wang_min))
        return requests

    return make
