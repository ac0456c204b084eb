"""What the root signs, and what it does not."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from certs.ceremony.policy import DOCUMENT_SIGNING
from tests.certs.ceremony.table import Table, csr
from tests.certs.openssl import openssl


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension:  # type: ignore[type-arg]
    return certificate.extensions.get_extension_for_class(kind)


def test_a_root_is_made_once(table: Table) -> None:
    first = table.make_root()
    assert first.subject.rfc4514_string() == "O=Alliance,CN=Alliance Root CA"
    assert isinstance(first.public_key(), ec.EllipticCurvePublicKey)
    assert first.public_key().curve.name == "secp384r1"
    assert first.not_valid_after_utc - first.not_valid_before_utc == timedelta(days=7305, seconds=-1)
    assert first.serial_number.bit_length() == 127
    assert table.make_root() == first
    assert len(table.protocol().entries) == 2  # the root and its first list


def test_another_alliance_does_not_get_this_root(table: Table) -> None:
    table.make_root()
    assert table.run("root", "--alliance", "Others", "--public-url", "https://console.example") == 1
    assert "there is a root here already" in table.said


def test_each_purpose_has_its_own_bounds(table: Table) -> None:
    root = table.make_root()
    assert table.run("sign", "--requests", str(table.ask("nodes", "access", "lists")), "--yes") == 0
    usages = {
        "nodes": {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH},
        "access": {
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CLIENT_AUTH,
            ExtendedKeyUsageOID.EMAIL_PROTECTION,
        },
        "lists": {DOCUMENT_SIGNING},
    }
    for name, wanted in usages.items():
        made = table.certificate(name)
        made.verify_directly_issued_by(root)
        assert extension(made, x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
        assert set(extension(made, x509.ExtendedKeyUsage).value) == wanted
        assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(days=3652, seconds=-1)
        assert "http://console.example/pki/root.crl" in str(extension(made, x509.CRLDistributionPoints).value)


def test_no_authority_becomes_a_responder_for_the_root(table: Table) -> None:
    """2020: many CAs carried the usage for status signing, and could vouch for each other's revoked ones."""
    table.make_root()
    table.run("sign", "--requests", str(table.ask("nodes", "access", "lists")), "--yes")
    for name in ("root", "nodes", "access", "lists"):
        found = [
            item for item in table.certificate(name).extensions if item.oid == ExtensionOID.EXTENDED_KEY_USAGE
        ]
        assert all(ExtendedKeyUsageOID.OCSP_SIGNING not in item.value for item in found)
    assert len(found) == 1


def test_a_nodes_authority_can_not_name_hosts(table: Table, tmp_path: Path) -> None:
    """openssl refuses a leaf with a host name or address under it, and takes one named by urn."""
    table.make_root()
    key = new_key()
    table.run("sign", "--requests", str(table.ask("nodes", nodes=key)), "--yes")
    assert extension(table.certificate("nodes"), x509.NameConstraints).critical
    urn = "urn:consortium:11111111-1111-4111-8111-111111111111:node:22222222-2222-4222-8222-222222222222"
    verdicts = {
        str(name.value): verify(table, "nodes", leaf(table.certificate("nodes"), key, name), tmp_path)
        for name in (
            x509.UniformResourceIdentifier(urn),
            x509.DNSName("bank.example"),
            x509.IPAddress(ip_address("10.1.2.3")),
        )
    }
    assert verdicts == {urn: True, "bank.example": False, "10.1.2.3": False}


def test_an_access_authority_may_be_confined_to_hosts(table: Table, tmp_path: Path) -> None:
    table.make_root()
    key = new_key()
    folder = table.ask("access", access=key)
    manifest = json.loads((folder / "requests.json").read_text())
    manifest["requests"][0]["hosts"] = ["alliance.example"]
    (folder / "requests.json").write_text(json.dumps(manifest))
    assert table.run("sign", "--requests", str(folder), "--yes") == 0
    assert "alliance.example" in table.said
    made = table.certificate("access")
    for host, fits in (("gateway.alliance.example", True), ("gateway.elsewhere.example", False)):
        assert verify(table, "access", leaf(made, key, x509.DNSName(host)), tmp_path) is fits


def leaf(
    issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey, name: x509.GeneralName
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        issuer_name=issuer.subject,
        subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "settlement-1")]),
        public_key=new_key().public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=issuer.not_valid_before_utc.replace(tzinfo=None),
        not_valid_after=issuer.not_valid_after_utc.replace(tzinfo=None),
    )
    return builder.add_extension(x509.SubjectAlternativeName([name]), False).sign(key, hashes.SHA256())


def verify(table: Table, authority: str, made: x509.Certificate, tmp_path: Path) -> bool:
    file = tmp_path / "leaf.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    root, above = str(table.out / "root.crt"), str(table.out / f"{authority}.crt")
    return openssl("verify", "-CAfile", root, "-untrusted", above, str(file), check=False).returncode == 0


def test_the_same_request_gets_the_same_certificate(table: Table) -> None:
    table.make_root()
    folder = table.ask("nodes")
    table.run("sign", "--requests", str(folder), "--yes")
    first, entries = table.certificate("nodes"), len(table.protocol().entries)
    assert table.run("sign", "--requests", str(folder), "--yes") == 0
    assert table.certificate("nodes") == first
    assert len(table.protocol().entries) == entries, "nothing was signed, so nothing is recorded"


def test_a_name_or_a_key_is_certified_once(table: Table) -> None:
    table.make_root()
    key = new_key()
    table.run("sign", "--requests", str(table.ask("nodes", nodes=key)), "--yes")
    for folder, why in (
        (table.ask("access", access=key), "that key is nodes's"),
        (Table.ask(table, "nodes"), "the next one has the next number"),
    ):
        assert table.run("sign", "--requests", str(folder), "--yes") == 1
        assert why in table.said
    assert table.run("sign", "--requests", str(table.ask("nodes-2")), "--yes") == 0


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "nodes.csr").unlink(), "No such file"),
        (lambda folder: (folder / "nodes.csr").write_bytes(csr(new_key())), "not the one"),
        (lambda folder: (folder / "nodes.csr").write_bytes(b"-----BEGIN"), "nodes:"),
        (lambda folder: (folder / "nodes.csr").write_bytes(b"x" * 70_000), "larger than"),
        (lambda folder: (folder / "requests.json").write_text("{"), "not readable"),
        (lambda folder: rename(folder, "root-2"), "cross-sign does that"),
        (lambda folder: rename(folder, "../nodes"), "is called root, nodes"),
    ],
)  # fmt: skip
def test_a_folder_that_was_tampered_with_is_refused(table: Table, spoil: object, why: str) -> None:
    table.make_root()
    folder = table.ask("nodes")
    spoil(folder)  # type: ignore[operator]
    assert table.run("sign", "--requests", str(folder), "--yes") == 1
    assert why in table.said
    assert len(table.protocol().entries) == 2


def rename(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "requests.json").read_text())
    manifest["requests"][0]["name"] = name
    (folder / "requests.json").write_text(json.dumps(manifest))
    if "/" not in name:
        (folder / "nodes.csr").rename(folder / f"{name}.csr")


def test_a_request_without_its_key_or_with_a_weak_one_is_refused(table: Table) -> None:
    table.make_root()
    good = x509.load_pem_x509_csr(csr(new_key())).public_bytes(Encoding.DER)
    forged = good[:-1] + bytes([good[-1] ^ 1])
    weak = rsa.generate_private_key(65537, 2048)
    folder = table.ask("nodes")
    for data, why in ((forged, "not signed with the key"), (csr(weak), "an authority's key is one of")):  # type: ignore[arg-type]
        (folder / "nodes.csr").write_bytes(data)
        assert table.run("sign", "--requests", str(folder), "--yes") == 1
        assert why in table.said


def test_nothing_is_signed_unless_somebody_compared(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table.make_root()
    folder, asked = table.ask("nodes"), []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "no")
    assert table.run("sign", "--requests", str(folder)) == 1
    assert "nobody confirmed" in table.said
    assert asked == ["Are these the fingerprints that the console showed? Type yes: "]


def test_a_revoked_authority_is_on_every_list_from_then_on(table: Table) -> None:
    table.make_root()
    table.run("sign", "--requests", str(table.ask("nodes")), "--yes")
    serial = table.certificate("nodes").serial_number
    assert table.run("crl", "--revoke", f"{serial:x}", "--reason", "keyCompromise") == 0
    assert table.run("crl") == 0
    crl = x509.load_der_x509_crl((table.out / "root.crl").read_bytes())
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3
    entry = crl.get_revoked_certificate_by_serial_number(serial)
    assert entry is not None
    assert (
        entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        == x509.ReasonFlags.key_compromise
    )
    assert crl.is_signature_valid(table.certificate("root").public_key())  # type: ignore[arg-type]
    assert table.run("crl", "--revoke", "1234") == 1
    assert "never signed" in table.said


def test_roots_sign_each_other_and_both_ways_lead_to_a_leaf(table: Table, tmp_path: Path) -> None:
    table.make_root()
    later = Table(table.place, table._capsys, "root-2")
    assert later.make_root().subject.rfc4514_string() == "O=Alliance,CN=Alliance Root CA 2"
    key, old_key = new_key(), new_key()
    later.run("sign", "--requests", str(later.ask("nodes-2", **{"nodes-2": key})), "--yes")
    table.run("sign", "--requests", str(table.ask("nodes", nodes=old_key)), "--yes")
    assert table.run("cross-sign", "--certificate", str(later.out / "root-2.crt"), "--yes") == 0
    assert later.run("cross-sign", "--certificate", str(table.out / "root.crt"), "--yes") == 0
    name = x509.UniformResourceIdentifier("urn:consortium:a:node:b")
    new_leaf, old_leaf = (
        leaf(later.certificate("nodes-2"), key, name),
        leaf(table.certificate("nodes"), old_key, name),
    )
    for made, trusted, between in (
        (new_leaf, table.out / "root.crt", [later.out / "nodes-2.crt", table.out / "root-2-by-root.crt"]),
        (old_leaf, later.out / "root-2.crt", [table.out / "nodes.crt", later.out / "root-by-root-2.crt"]),
    ):
        (tmp_path / "leaf.pem").write_bytes(made.public_bytes(Encoding.PEM))
        chain = tmp_path / "between.pem"
        chain.write_bytes(b"".join(path.read_bytes() for path in between))
        file = str(tmp_path / "leaf.pem")
        done = openssl("verify", "-CAfile", str(trusted), "-untrusted", str(chain), file)
        assert done.stdout.decode() == f"{file}: OK\n"


def test_only_a_root_is_cross_signed(table: Table) -> None:
    table.make_root()
    table.run("sign", "--requests", str(table.ask("nodes")), "--yes")
    for file in ("nodes.crt", "root.crt"):
        assert table.run("cross-sign", "--certificate", str(table.out / file), "--yes") == 1
    assert "this root itself" in table.said


def test_the_wrong_passphrase_is_one_line(table: Table) -> None:
    table.make_root()
    table.word.write_text("another")
    assert table.run("crl") == 1
    assert table.said.startswith("stopped: ")
    assert "wrong passphrase" in table.said
    assert len(table.said.splitlines()) == 1


def test_two_people_at_least(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table.make_root()
    answers = iter(["Wang Min", " Wang Min ", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    monkeypatch.setattr("tests.certs.ceremony.table.WITNESSES", [])
    assert table.run("crl") == 1
    assert "at least 2 witnesses" in table.said
