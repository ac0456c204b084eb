"""What other programs read of a suspension and its end: the published lists, by openssl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from certs import selectors, services
from certs.models import Certificate
from consortium.core import outbox
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.django_db


def test_openssl_reads_the_hold_its_end_and_the_revocation(
    certify: Callable[..., Certificate], heming: Node, zhou_lan: User, workstation: Workstation, pki: Pki
) -> None:
    certificate = certify(heming, zhou_lan)
    leaf = workstation.file("leaf.pem", selectors.pem(certificate.der).encode())
    chain = workstation.file("chain.pem", selectors.authority_chain_pem(certificate.authority).encode())

    def verdict() -> tuple[bool, bool]:
        """Does openssl accept it by the full list, and by the part that it names?"""
        outbox.drain("signing")
        name = certificate.authority.name
        found = []
        for number, path in enumerate((f"{name}.crl", f"{name}/{certificate.crl_shard}.crl")):
            data = (Path(settings.PKI_DIR) / path).read_bytes()
            pem = openssl("crl", "-inform", "DER", data=data).stdout
            file = workstation.file(f"{number}.pem", pem)
            done = openssl("verify", "-crl_check", "-CAfile", chain, "-CRLfile", file, leaf, check=False)
            found.append(done.returncode == 0)
        return found[0], found[1]

    assert verdict() == (True, True)
    services.suspend(certificate, actor=zhou_lan)
    assert verdict() == (False, False)
    assert b"Certificate Hold" in whole_list(certificate)
    services.release(certificate, comment="False alarm", actor=zhou_lan)
    assert verdict() == (True, True)
    services.suspend(certificate, actor=zhou_lan)
    services.revoke(certificate, reason="keyCompromise", actor=zhou_lan)
    assert verdict() == (False, False)
    assert b"Key Compromise" in whole_list(certificate)
    assert whole_list(certificate).count(b"Serial Number") == 1


def whole_list(certificate: Certificate) -> bytes:
    data = (Path(settings.PKI_DIR) / f"{certificate.authority.name}.crl").read_bytes()
    return openssl("crl", "-inform", "DER", "-noout", "-text", data=data).stdout
