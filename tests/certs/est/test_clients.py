"""Clients of other makers enrol and renew: strongSwan's pki, and curl with openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from certs.models import Authority, Certificate, CertificateRequest
from consortium.members.models import Node
from tests.certs.est.town import Town, fresh_address
from tests.certs.openssl import openssl
from tests.permissions.world import LIMIT, eventually


def private_file(path: Path, text: str) -> Path:
    """Where a secret lies for a program that reads it: nobody sees it in the list of processes."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def verified(town: Town, certificate: bytes) -> x509.Certificate:
    """What openssl accepts under the alliance's root."""
    path = town.workstation.file("issued.pem", certificate)
    chain = str(Path(settings.PKI_DIR) / "chain.pem")
    openssl("verify", "-CAfile", chain, "-purpose", "sslclient", path)
    return x509.load_pem_x509_certificate(certificate)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def newest(node: Node) -> Certificate:
    return node.certificates.order_by("-issued_at")[0]


# --- strongSwan -------------------------------------------------------------------------------------------
def pki(*arguments: str | Path, data: bytes | None = None) -> bytes:
    done = subprocess.run(["pki", *arguments], input=data, capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def swan_request(folder: Path, name: str, kind: tuple[str, str]) -> Path:
    """Key and request, made by strongSwan."""
    key, csr = folder / f"{name}.key", folder / f"{name}.csr"
    private_file(key, pki("--gen", "--type", kind[0], "--size", kind[1], "--outform", "pem").decode())
    csr.write_bytes(pki("--req", "--type", "priv", "--in", key, "--dn", "CN=n1"))
    return csr


def root() -> Path:
    """All that strongSwan is told to trust. (Of name constraints on addresses it knows nothing.)"""
    return Path(settings.PKI_DIR) / "root.crt"


def swan(town: Town, *arguments: str | Path) -> list[str | Path]:
    server = ("--url", town.server, "--cacert", root())
    polling = ("--interval", "1", "--maxpolltime", str(int(LIMIT)))
    return ["pki", "--est", *server, *polling, "--outform", "pem", *arguments]


@pytest.mark.peer("strongswan")
@pytest.mark.parametrize(
    ("profile", "kind"), [("evm-node", ("ecdsa", "256")), ("fisco-bcos-3", ("rsa", "2048"))]
)
def test_strongswan_enrols_and_waits_for_the_approval(
    town: Town, tmp_path: Path, profile: str, kind: tuple[str, str]
) -> None:
    node = town.node(f"swan-{profile}-bank/n1")
    _, secret = town.secret(node, profile)
    options = private_file(tmp_path / "options", f"--userpass {node.pk}:{secret}\n")
    csr = swan_request(tmp_path, "first", kind)
    log = tmp_path / "log"
    with log.open("wb") as said, (tmp_path / "made.pem").open("wb") as made:
        client = subprocess.Popen(swan(town, "--options", options, "--in", csr), stdout=made, stderr=said)
    try:
        eventually(lambda: "EST request pending" in log.read_text(), "strongSwan was told to wait")
        town.approve()
        with town.signing():
            assert client.wait(LIMIT) == 0, log.read_text()
    finally:
        client.kill()
        client.wait()
    issued = verified(town, (tmp_path / "made.pem").read_bytes())
    assert der(issued) == bytes(newest(node).der)
    assert newest(node).profile == profile


@pytest.mark.peer("strongswan")
def test_strongswan_renews_with_the_certificate_it_has(town: Town, tmp_path: Path) -> None:
    node = town.node("swan-renewing-bank/n1")
    old = town.renewable(node)
    folder = town.folder(node)
    csr = swan_request(tmp_path, "next", ("ecdsa", "256"))
    single = tmp_path / "old.pem"
    single.write_bytes(x509.load_der_x509_certificate(bytes(old.der)).public_bytes(Encoding.PEM))
    command = swan(town, "--in", csr, "--cert", single, "--key", folder / "node.key")
    with town.signing():
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert der(verified(town, done.stdout)) == bytes(newest(node).der) != bytes(old.der)
    request = CertificateRequest.objects.get(node=node, renews=old)
    assert request.renewed_by_proof


@pytest.mark.peer("strongswan")
def test_strongswan_reads_the_authorities(town: Town, tmp_path: Path) -> None:
    pki(
        "--estca",
        "--url",
        town.server,
        "--cacert",
        root(),
        "--caout",
        tmp_path / "ca.pem",
        "--outform",
        "pem",
    )
    written = {der(x509.load_pem_x509_certificate(path.read_bytes())) for path in tmp_path.glob("ca*.pem")}
    assert bytes(Authority.objects.get(purpose=Authority.Purpose.ROOT).der) in written


# --- curl and openssl -------------------------------------------------------------------------------------
def curl(town: Town, folder: Path, operation: str, *arguments: str | Path) -> int:
    """The status; what was answered goes to ``answer.p7``."""
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--noproxy", "*", "--interface", fresh_address()),
            *("--cacert", town.root, "--header", "Content-Type: application/pkcs10"),
            *("--data-binary", f"@{folder / 'request.b64'}", "--output", folder / "answer.p7"),
            *("--write-out", "%{http_code}", *arguments, f"{town.server}/.well-known/est/{operation}"),
        ],
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return int(done.stdout)


def one_line(folder: Path, csr: bytes) -> None:
    made = openssl("req", "-outform", "DER", data=csr).stdout
    (folder / "request.b64").write_bytes(openssl("base64", "-A", data=made).stdout)


def unpacked(folder: Path) -> bytes:
    answer = openssl("base64", "-d", "-A", "-in", str(folder / "answer.p7")).stdout
    return openssl("pkcs7", "-inform", "DER", "-print_certs", data=answer).stdout


@pytest.mark.peer("curl", "openssl")
def test_curl_enrols_with_its_secret_in_a_file(town: Town, tmp_path: Path) -> None:
    node = town.node("curl-bank/n1")
    _, secret = town.secret(node)
    config = private_file(tmp_path / "curl.conf", f'user = "{node.pk}:{secret}"\n')
    one_line(tmp_path, town.workstation.request(subject="/CN=n1"))
    assert curl(town, tmp_path, "simpleenroll", "--config", config) == 202
    town.approve()
    with town.signing():
        assert curl(town, tmp_path, "simpleenroll", "--config", config) == 200
    assert der(verified(town, unpacked(tmp_path))) == bytes(newest(node).der)


@pytest.mark.peer("curl", "openssl")
def test_curl_renews_with_the_certificate_it_has(town: Town, tmp_path: Path) -> None:
    node = town.node("curl-renewing-bank/n1")
    old = town.renewable(node)
    folder = town.folder(node)
    one_line(tmp_path, town.workstation.request())
    proof = ("--cert", folder / "node.crt", "--key", folder / "node.key")
    with town.signing():
        assert curl(town, tmp_path, "simplereenroll", *proof) == 200
    assert der(verified(town, unpacked(tmp_path))) == bytes(newest(node).der) != bytes(old.der)


@pytest.mark.peer("curl", "openssl")
def test_curl_is_told_by_the_status_what_is_wrong(town: Town, tmp_path: Path) -> None:
    node = town.node("curl-wrong-bank/n1")
    config = private_file(tmp_path / "curl.conf", f'user = "{node.pk}:{"z" * 43}"\n')
    one_line(tmp_path, town.workstation.request())
    assert curl(town, tmp_path, "simpleenroll", "--config", config) == 401
    assert curl(town, tmp_path, "simplereenroll") == 403
    assert b"no_certificate" in (tmp_path / "answer.p7").read_bytes()
