"""What the portal shows beside an enrolment secret is run as it stands, against the real gateway."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client

from certs.models import Certificate, CertificateRequest, Enrolment
from consortium.members.models import Node
from tests.certs.est.town import Town
from tests.permissions.world import LIMIT, eventually

BASH = ("/bin/bash", "-e")  # read -s is the shell's that people have


@pytest.fixture(autouse=True)
def _where_the_gateway_is(town: Town, settings: Any) -> None:
    address = urlsplit(town.server)
    settings.PUBLIC_URL, settings.GATEWAY_PORT = f"http://{address.hostname}:8000", address.port


def shell(folder: Path, lines: str, *, typed: str = "") -> str:
    environment = {"PATH": os.environ["PATH"], "no_proxy": "*", "NO_PROXY": "*"}
    done = subprocess.run(
        [*BASH, "-c", lines], input=typed, cwd=folder, env=environment, capture_output=True, text=True,
        timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def officers_browser(node: Node) -> Client:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(node.institution.officers.get())
    return browser


def shown(node: Node, folder: Path, town: Town) -> Any:
    """The page with the secret; the secret is saved and key and request are made, as it says."""
    page = officers_browser(node).post(f"/nodes/{node.pk}/enrolment/", {"profile": "evm-node"})
    assert page.status_code == 200
    secret = page.context["secret"]
    folder.mkdir()
    (folder / "root.pem").write_bytes(root(town))
    shell(folder, page.context["save"], typed=f"{secret}\n")
    assert (folder / "est-secret").read_text() == secret
    assert (folder / "est-secret").stat().st_mode & 0o077 == 0
    shell(folder, page.context["make"])
    for way in ("curl", "strongswan"):
        assert secret not in page.context[way]
        assert page.context[way].count("est-secret") == 1
    return page


def root(town: Town) -> bytes:
    with (Path(town.home) / "pki" / "root.crt").open("rb") as file:
        return x509.load_der_x509_certificate(file.read()).public_bytes(Encoding.PEM)


def first_of(file: Path) -> bytes:
    return x509.load_pem_x509_certificates(file.read_bytes())[0].public_bytes(Encoding.DER)


@pytest.mark.peer("curl", "openssl")
def test_a_node_enrols_with_curl_and_renews_with_what_it_got(town: Town, tmp_path: Path) -> None:
    node, folder = town.node("paste-curl-bank/n1"), tmp_path / "node"
    page = shown(node, folder, town)
    assert shell(folder, page.context["curl"]).startswith("202")
    assert not (folder / "n1.pem").exists()
    town.approve()
    with town.signing():
        while not (folder / "n1.pem").exists():
            shell(folder, page.context["curl"])
    assert first_of(folder / "n1.pem") == bytes(Certificate.objects.get(node=node).der)
    assert Enrolment.objects.get(node=node).request == CertificateRequest.objects.get(node=node)


@pytest.mark.peer("strongswan", "openssl")
def test_a_node_enrols_with_strongswan(town: Town, tmp_path: Path) -> None:
    node, folder = town.node("paste-swan-bank/n1"), tmp_path / "node"
    page = shown(node, folder, town)
    lines = page.context["strongswan"].replace("--interval 60", "--interval 1")
    client = subprocess.Popen([*BASH, "-c", lines], cwd=folder, stderr=subprocess.PIPE)
    try:
        eventually(CertificateRequest.objects.filter(node=node).exists, "strongSwan handed its request in")
        town.approve()
        with town.signing():
            said = client.communicate(timeout=LIMIT)[1]
    finally:
        client.kill()
        client.wait()
    assert client.returncode == 0, said
    assert first_of(folder / "n1.pem") == bytes(Certificate.objects.get(node=node).der)


@pytest.mark.peer("curl", "openssl")
def test_a_node_renews_with_the_lines_of_the_renewal_page(town: Town, tmp_path: Path) -> None:
    node, folder = town.node("paste-renewing-bank/n1"), tmp_path / "node"
    old = town.renewable(node)
    browser = officers_browser(node)
    page = browser.get(f"/certificates/{old.pk}/renew/")
    assert page.context["renewal"].is_open
    folder.mkdir()
    (folder / "root.pem").write_bytes(root(town))
    (folder / "n1.key").write_bytes((town.folder(node) / "node.key").read_bytes())
    chain = browser.get(f"/certificates/{old.pk}/chain.pem")
    (folder / chain["Content-Disposition"].split('"')[1]).write_bytes(chain.content)
    with town.signing():
        while not (folder / "n1-new.pem").exists():
            shell(
                folder, page.context["est"].replace("openssl genpkey", "[ -e n1-new.key ] || openssl genpkey")
            )
    made = Certificate.objects.exclude(pk=old.pk).get(node=node)
    assert first_of(folder / "n1-new.pem") == bytes(made.der)
    assert made.request is not None
    assert made.request.renewed_by_proof
