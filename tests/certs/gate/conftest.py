"""Requests made in memory, and the whole way from one to its certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs import issuing, services
from certs.models import Certificate
from consortium.members.models import User
from tests.certs import hostile
from tests.certs.conftest import Pki

Issue = Callable[..., Certificate]


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def csr(key: ec.EllipticCurvePrivateKey | None = None, *names: bytes) -> bytes:
    """A sound request, over a new P-256 key if none is given."""
    key = key or new_key()
    return hostile.signed(hostile.body(hostile.spki_of(key), name=b"".join(names)), key)


@pytest.fixture
def issue(pki: Pki, wang_min: User) -> Issue:
    """``issue(**what submit_request takes)``: handed in, approved by Wang Min, signed."""

    def make(**asked: Any) -> Certificate:
        request = services.submit_request(**asked)
        services.approve_request(request, actor=wang_min)
        certificate = issuing.issue(request.pk)
        assert certificate is not None
        return certificate

    return make
