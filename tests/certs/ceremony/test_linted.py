"""pkilint, which auditors use, finds nothing in what a ceremony signs: roots, issuing and cross ones."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.errors import LintFinding
from certs.issuing import pkix
from tests.certs.ceremony.table import Table


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def test_the_linter_finds_nothing_in_what_a_ceremony_signs(table: Table) -> None:
    table.make_root()
    later = Table(table.place, table._capsys, "root-2")
    later.make_root()
    folder = table.ask("nodes", "access", "lists", "access-2")
    manifest = json.loads((folder / "requests.json").read_text())
    (confined,) = [one for one in manifest["requests"] if one["name"] == "access-2"]
    confined["hosts"] = ["alliance.example", "10.2.0.0/16"]
    (folder / "requests.json").write_text(json.dumps(manifest))
    assert table.run("sign", "--requests", str(folder), "--yes") == 0, table.said
    assert table.run("cross-sign", "--certificate", str(later.out / "root-2.crt"), "--yes") == 0
    assert later.run("cross-sign", "--certificate", str(table.out / "root.crt"), "--yes") == 0
    made = {path.name: path for each in (table, later) for path in each.out.glob("*.crt")}
    assert set(made) == {
        *("root.crt", "root-2.crt", "nodes.crt", "access.crt", "lists.crt", "access-2.crt"),
        *("root-2-by-root.crt", "root-by-root-2.crt"),
    }
    notices = {
        name: pkix.lint(der(x509.load_pem_x509_certificate(path.read_bytes()))) for name, path in made.items()
    }
    assert notices == {name: [] for name in made}


def test_it_would_find_an_authority_that_is_not_as_it_should_be(table: Table) -> None:
    """The same certificate, its basicConstraints left uncritical."""
    root, key = table.make_root(), ec.generate_private_key(ec.SECP384R1())
    builder = x509.CertificateBuilder(
        issuer_name=root.subject,
        subject_name=root.subject,
        public_key=key.public_key(),
        serial_number=root.serial_number,
        not_valid_before=root.not_valid_before_utc.replace(tzinfo=None),
        not_valid_after=root.not_valid_after_utc.replace(tzinfo=None),
    )
    for one in root.extensions:
        builder = builder.add_extension(one.value, one.critical and one.oid != x509.BasicConstraints.oid)
    with pytest.raises(LintFinding, match=r"basic_constraints"):
        pkix.lint(der(builder.sign(key, hashes.SHA384())))
