"""A gateway with EST, banks with nodes, and a client that speaks plain HTTP with it."""

from __future__ import annotations

import base64
import itertools
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from django.conf import settings
from django.db import connection

from certs import services
from certs.models import Certificate, CertificateRequest, Enrolment
from consortium.core import clock
from consortium.members.models import Node
from tests.certs.openssl import openssl
from tests.permissions.world import LIMIT, World

RENEWABLE = timedelta(days=345)  # how old a certificate is made to be that may be renewed
_addresses = itertools.count(2)


def fresh_address() -> str:
    """A loopback address that nobody failed from yet."""
    number = next(_addresses)
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Town(World):
    """The tests' world, with its gateway running."""

    @property
    def root(self) -> Path:
        """What a client trusts: the chain of the gateway's own certificate."""
        return Path(settings.PKI_DIR) / "chain.pem"

    @property
    def server(self) -> str:
        return self.gateway_url.replace("localhost", "127.0.0.1")

    def secret(self, node: Node, profile: str = "evm-node") -> tuple[Enrolment, str]:
        """From the portal, by the bank's officer."""
        officer = node.institution.officers.get()
        return services.make_enrolment(node=node, profile=profile, actor=officer)

    def renewable(self, node: Node) -> Certificate:
        """A certificate in its last weeks, in the node's folder."""
        with clock.frozen(clock.now() - RENEWABLE):
            return self.certify(node)

    def est(self, *, node: Node | None = None, **options: Any) -> httpx.Client:
        """A client from an address of its own, with the node's certificate or with none."""
        context = ssl.create_default_context(cafile=str(self.root))
        if node is not None:
            context.load_cert_chain(self.folder(node) / "node.crt", self.folder(node) / "node.key")
        transport = httpx.HTTPTransport(verify=context, local_address=fresh_address(), trust_env=False)
        address = f"{self.server}/.well-known/est/"
        return httpx.Client(base_url=address, transport=transport, timeout=LIMIT, **options)

    def approve(self) -> None:
        """The secretariat approves what waits."""
        waiting = CertificateRequest.objects.filter(status=CertificateRequest.Status.SUBMITTED)
        for request in waiting:
            services.approve_request(request, actor=self.secretary)

    @contextmanager
    def signing(self) -> Iterator[None]:
        """A signing worker at work beside the block."""
        over = threading.Event()

        def work() -> None:
            try:
                while not over.wait(0.1):
                    self.work()
            finally:
                connection.close()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()


def body(csr: bytes) -> bytes:
    """A CSR (PEM or DER) as EST wants it."""
    if csr.startswith(b"-----"):
        csr = openssl("req", "-outform", "DER", data=csr).stdout
    return base64.b64encode(csr)


def ask(client: httpx.Client, operation: str, content: bytes, **options: Any) -> httpx.Response:
    """POST a body as an EST client does."""
    headers = {"Content-Type": "application/pkcs10", **options.pop("headers", {})}
    return client.post(operation, content=content, headers=headers, **options)


def certificates(answer: httpx.Response) -> list[x509.Certificate]:
    """What a 200 holds; it must be as RFC 7030 says."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    assert answer.headers["Content-Transfer-Encoding"] == "base64"
    assert b"\n" not in answer.content
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content, validate=True))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"code", "detail"}
    return answer.status_code, answer.json()["code"]
