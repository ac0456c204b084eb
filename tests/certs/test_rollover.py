"""Authorities from a ceremony apart: asked for, signed elsewhere, taken in; and the next generation."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from certs import audit, authorities, console_certificates, forecast, keys, selectors
from certs.authorities import requesting
from certs.authorities.plans import Purpose
from certs.ceremony import composing, runs
from certs.ceremony.home import Home
from certs.ceremony.protocol import Signed
from certs.ceremony.requests import Request, read_folder, write_folder
from certs.errors import (
    AuthorityNotAccepted,
    KeysNotAvailable,
    NoAuthority,
    ProtocolNotAccepted,
    RootNotConfirmed,
)
from certs.keystores import kinds, sealed
from certs.models import Authority, CrossCertificate, SeenKey, SerialNumber
from certs.status import crl, files
from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.conftest import CHEAP, PASSPHRASE
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.django_db
ROOT_WORD = b"the safe's own words"
SAID = ["Wang Min", "Chen Ling"]


@dataclass
class Safe:
    """A root on its own machine."""

    home: Home
    out: Path

    @property
    def session(self) -> runs.Session:
        return runs.Session(self.home, ROOT_WORD, SAID, clock.now())

    @property
    def fingerprint(self) -> str:
        return str(self.home.protocol().entries[0]["root"])

    def sign(self, folder: Path) -> Path:
        requests, files = read_folder(folder)
        runs.sign(self.session, requests, files)
        return self.released()

    def revoke(self, name: str) -> None:
        """The last certificate under that name."""
        parts = [part for part in self.home.protocol().signed("issuing") if part.name == name]
        serial = parts[-1].certificate.serial_number
        runs.revocation_list(self.session, [(serial, x509.ReasonFlags.cessation_of_operation)])

    def cross_sign(self, other: Safe) -> Path:
        runs.cross_sign(self.session, other.home.protocol().root, {})
        return self.released()

    def released(self) -> Path:
        self.home.release(self.out)
        return self.out


@pytest.fixture
def safe(tmp_path: Path) -> Callable[..., Safe]:
    def make(name: str = "root", *, at: str = "http://localhost:8000") -> Safe:
        home = Home(tmp_path / "safe", name)
        sealed.seal(home.key_path, name, sealed.plain_of(kinds.make("P-384")), ROOT_WORD, cost=CHEAP)
        made = Safe(home, tmp_path / f"from-{name}")
        runs.make_root(made.session, alliance="Alliance", public_url=at)
        return made

    return make


@pytest.fixture
def fresh(places: Path, settings: Settings) -> Path:
    """A console without authorities; their keys are sealed already, at a price that tests can pay."""
    for path in (places / "keys").glob("root*"):
        path.unlink()
    for name in ("nodes-2", "access-2", "lists-2"):
        keys.seal(name, ec.generate_private_key(ec.SECP256R1()), PASSPHRASE, cost=CHEAP)
    return places / "outgoing"


def ask(folder: Path, *purposes: Purpose) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    authorities.request(folder, purposes or list(authorities.plans.ISSUING), passphrase=PASSPHRASE)
    return folder


def take(folder: Path, **options: object) -> list[str]:
    return authorities.import_folder(folder, passphrase=PASSPHRASE, **options)  # type: ignore[arg-type]


@pytest.fixture
def founded(fresh: Path, safe: Callable[..., Safe]) -> Safe:
    """All four authorities, by a ceremony on another machine."""
    made = safe()
    take(made.sign(ask(fresh)), root_fingerprint=made.fingerprint)
    return made


def test_by_commands_from_request_to_import(fresh: Path, safe: Callable[..., Safe], places: Path) -> None:
    word, output = str(places / "passphrase"), StringIO()
    call_command("request_authorities", str(fresh), passphrase_file=word, stdout=output)
    shown = {line.split(": SPKI SHA-256 ")[0]: line[-64:] for line in output.getvalue().splitlines()[:3]}
    root = safe()
    back = root.sign(fresh)
    with pytest.raises(CommandError, match=root.fingerprint):
        call_command("import_authorities", str(back), passphrase_file=word)
    call_command(
        "import_authorities",
        str(back),
        passphrase_file=word,
        root_fingerprint=root.fingerprint,
        stdout=output,
    )
    assert {row.name: row.spki_sha256 for row in Authority.objects.filter(kind="issuing")} == shown
    assert not keys.exists("root"), "the root's key never was on this machine"
    published = {path.name for path in Path(configured.PKI_DIR).iterdir()}
    assert {"root.crt", "root.crl", "nodes.crt", "nodes.crl", "nodes-chain.pem", "chain.pem"} <= published
    again = StringIO()
    call_command("import_authorities", str(back), passphrase_file=word, stdout=again)
    assert again.getvalue() == "nothing new\n"


def test_what_was_taken_in_is_on_record(founded: Safe) -> None:
    assert Authority.objects.count() == SerialNumber.objects.count() == SeenKey.objects.count() == 4
    assert Event.objects.filter(action="authority.created").count() == 4
    head = Event.objects.get(action="ceremony.imported").data["head"]
    assert head == founded.home.protocol().head
    assert not list(Path(configured.KEY_DIR).glob("*.request.json")), "nothing is waited for any more"


def test_openssl_accepts_the_chain(founded: Safe, workstation: Workstation) -> None:
    root = workstation.file("root.pem", selectors.pem(Authority.objects.get(name="root").der).encode())
    crl_pem = openssl("crl", "-inform", "DER", data=files.current_crl("root")).stdout
    lists = workstation.file("root-crl.pem", crl_pem)
    for name in ("nodes", "access", "lists"):
        file = workstation.file(f"{name}.pem", selectors.pem(Authority.objects.get(name=name).der).encode())
        done = openssl("verify", "-x509_strict", "-crl_check_all", "-CAfile", root, "-CRLfile", lists, file)
        assert done.stdout.decode() == f"{file}: OK\n"


def test_a_root_nobody_compared_is_not_taken(fresh: Path, safe: Callable[..., Safe]) -> None:
    root = safe()
    back = root.sign(ask(fresh))
    for claimed in ("", "0" * 64):
        with pytest.raises(RootNotConfirmed):
            take(back, root_fingerprint=claimed)
    assert not Authority.objects.exists()


def test_what_was_not_asked_for_here_is_not_taken(founded: Safe, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_folder(tmp_path / "foreign", [Request("nodes-2", csr(key))], "Alliance")
    with pytest.raises(AuthorityNotAccepted, match=r"nodes-2"):
        take(founded.sign(tmp_path / "foreign"))
    assert not Authority.objects.filter(name="nodes-2").exists()


def csr(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    return x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_certificate_for_another_key_or_with_other_hosts_is_not_taken(founded: Safe, fresh: Path) -> None:
    """The folder was changed on its way: what the ceremony signed is not what was asked for."""
    folder = ask(fresh, Purpose.ACCESS)
    write_folder(
        folder, [Request("access-2", (folder / "access-2.csr").read_bytes(), ("evil.example",))], "x"
    )
    with pytest.raises(AuthorityNotAccepted, match="access-2"):
        take(founded.sign(folder))
    foreign = ec.generate_private_key(ec.SECP256R1())
    folder = ask(fresh, Purpose.LISTS)
    write_folder(folder, [Request("lists-2", csr(foreign))], "x")
    with pytest.raises(AuthorityNotAccepted):
        take(founded.sign(folder))
    assert not Authority.objects.filter(name="lists-2").exists()


def test_an_authority_that_its_root_revoked_issues_no_more(founded: Safe, fresh: Path) -> None:
    take(founded.sign(ask(fresh, Purpose.NODES)), issues_from=clock.now())
    assert selectors.issuing_authority().name == "nodes-2"
    founded.revoke("nodes-2")
    assert "nodes-2: revoked by root, issues no more" in take(founded.released())
    assert selectors.issuing_authority().name == "nodes"
    assert Event.objects.filter(action="authority.revoked").count() == 1
    take(founded.released())
    assert Event.objects.filter(action="authority.revoked").count() == 1
    crl_of_root = x509.load_der_x509_crl(files.current_crl("root"))
    serial = x509.load_der_x509_certificate(bytes(Authority.objects.get(name="nodes-2").der)).serial_number
    assert crl_of_root.get_revoked_certificate_by_serial_number(serial) is not None


def test_the_last_one_of_a_purpose_may_be_revoked_too(founded: Safe, fresh: Path) -> None:
    """Then nobody issues, but what was issued is still told the status of, and the root's list is out."""
    founded.revoke("nodes")
    assert "nodes: revoked by root, issues no more" in take(founded.released())
    with pytest.raises(NoAuthority):
        selectors.issuing_authority()
    crl_of_root = x509.load_der_x509_crl(files.current_crl("root"))
    serial = x509.load_der_x509_certificate(bytes(Authority.objects.get(name="nodes").der)).serial_number
    assert crl_of_root.get_revoked_certificate_by_serial_number(serial) is not None
    before = Authority.objects.get(name="nodes").crls.count()
    with clock.frozen(clock.now() + timedelta(hours=13)):
        take(founded.released())
    assert Authority.objects.get(name="nodes").crls.count() > before


def test_a_protocol_that_was_changed_or_cut_off_is_not_taken(founded: Safe, fresh: Path) -> None:
    back = founded.sign(ask(fresh, Purpose.NODES))
    path = back / "root-protocol.jsonl"
    whole = path.read_bytes()
    for spoilt in (whole.replace(b"Wang Min", b"Wang Mei"), b"".join(whole.splitlines(True)[:1]), b""):
        path.write_bytes(spoilt)
        with pytest.raises(ProtocolNotAccepted):
            take(back)
    path.unlink()
    with pytest.raises(ProtocolNotAccepted):
        take(back)
    path.write_bytes(whole)
    assert take(back)


def test_a_root_made_for_another_address_is_not_taken(fresh: Path, safe: Callable[..., Safe]) -> None:
    root = safe(at="https://elsewhere.example")
    with pytest.raises(ProtocolNotAccepted, match=r"elsewhere\.example"):
        take(root.sign(ask(fresh)), root_fingerprint=root.fingerprint)


def test_a_console_that_moved_keeps_its_root(founded: Safe, fresh: Path, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://moved.example"
    take(founded.sign(ask(fresh, Purpose.LISTS)))
    made = x509.load_der_x509_certificate(bytes(Authority.objects.get(name="lists-2").der))
    points = str(made.extensions.get_extension_for_class(x509.CRLDistributionPoints).value)
    assert "http://localhost:8000/pki/root.crl" in points


def addresses_in(name: str) -> set[str]:
    made = x509.load_der_x509_certificate(bytes(Authority.objects.get(name=name).der))
    points = made.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    access = made.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (list_name,) = (name for point in points for name in point.full_name or ())
    return {str(list_name.value), *(str(one.access_location.value) for one in access)}


def test_a_console_at_https_has_its_authorities_files_at_http(
    fresh: Path, safe: Callable[..., Safe], settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://console.example"
    root = safe(at="https://console.example/")
    take(root.sign(ask(fresh)), root_fingerprint=root.fingerprint)
    wanted = {"http://console.example/pki/root.crl", "http://console.example/pki/root.crt"}
    assert [addresses_in(name) for name in ("nodes", "access", "lists")] == [wanted] * 3
    assert [str(found) for found in audit.audit().findings] == []


def test_an_older_ceremony_that_wrote_https_is_taken_and_another_address_is_not(
    fresh: Path, safe: Callable[..., Safe], settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://console.example"
    root = safe(at="https://console.example")
    take(root.sign(ask(fresh)), root_fingerprint=root.fingerprint)
    signed_at(root, "https://console.example/pki/root", ask(fresh, Purpose.NODES), "nodes-2")
    take(root.released())
    assert "https://console.example/pki/root.crl" in addresses_in("nodes-2")
    for url in ("http://console.example/pki/other", "https://elsewhere.example/pki/root"):
        signed_at(root, url, ask(fresh, Purpose.LISTS), "lists-2")
        with pytest.raises(AuthorityNotAccepted, match="its extensions"):
            take(root.released())
        root.revoke("lists-2")


def signed_at(root: Safe, url: str, folder: Path, name: str) -> None:
    """What that root signs where its files are said to be at ``url``."""
    request = next(one for one in read_folder(folder)[0] if one.name == name)
    protocol, key = root.home.protocol(), root.home.open_key(ROOT_WORD)
    issuer = composing.Issuer(protocol.root, key, url)
    made = composing.issuing(issuer, name, request.public_key(), request.hosts, clock.now())
    part = Signed("issuing", name, made.public_bytes(Encoding.DER))
    runs._write(root.session, protocol, key, "sign", [part])


def test_the_next_generation_takes_over_after_an_overlap(
    founded: Safe, fresh: Path, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> None:
    first = selectors.issuing_authority()
    take(founded.sign(ask(fresh, Purpose.NODES)))
    second = Authority.objects.get(name="nodes-2")
    assert timedelta() <= second.created_at + authorities.OVERLAP - second.issues_from < timedelta(minutes=1)
    assert selectors.issuing_authority() == first, "relying parties need time to learn of it"
    trusted = x509.load_pem_x509_certificates((Path(configured.PKI_DIR) / "chain.pem").read_bytes())
    assert [bytes(row.der) for row in (first, second)] == [
        one.public_bytes(Encoding.DER) for one in trusted[:2]
    ]
    with clock.frozen(second.issues_from):
        assert selectors.issuing_authority() == second
        files.write_authority(second)
        assert crl.publish(first.pk).authority == first, "the old one's lists go on"
    trusted = x509.load_pem_x509_certificates((Path(configured.PKI_DIR) / "chain.pem").read_bytes())
    assert trusted[0].public_bytes(Encoding.DER) == bytes(second.der)
    assert len(trusted) == 3


def test_the_time_of_the_change_may_be_said(founded: Safe, fresh: Path, places: Path) -> None:
    back = founded.sign(ask(fresh, Purpose.LISTS))
    word = str(places / "passphrase")
    with pytest.raises(CommandError, match="not a date"):
        call_command("import_authorities", str(back), passphrase_file=word, issues_from="soon")
    call_command("import_authorities", str(back), passphrase_file=word, issues_from="2031-02-03")
    assert f"{Authority.objects.get(name='lists-2').issues_from:%F %R}" == "2031-02-03 00:00"


def test_a_change_of_roots_is_bridged(
    founded: Safe, fresh: Path, safe: Callable[..., Safe], workstation: Workstation
) -> None:
    """A client that knows the old root alone accepts the gateway's new certificate."""
    later = safe("root-2")
    with clock.frozen(clock.now() + timedelta(seconds=5)):
        take(later.sign(ask(fresh, Purpose.ACCESS, Purpose.NODES)), root_fingerprint=later.fingerprint)
        take(founded.cross_sign(later))
        take(later.cross_sign(founded))
    assert {(row.subject.name, row.issuer.name) for row in CrossCertificate.objects.all()} == {
        ("root-2", "root"), ("root", "root-2"),
    }  # fmt: skip
    published = {path.name for path in Path(configured.PKI_DIR).iterdir()}
    assert {"root-2-by-root.crt", "root-by-root-2.crt"} <= published
    with clock.frozen(Authority.objects.get(name="access-2").issues_from):
        assert console_certificates.ensure_gateway(["localhost"])
    served = str(console_certificates.gateway_certificate_path())
    chain = x509.load_pem_x509_certificates(Path(served).read_bytes())
    assert [one.subject.rfc4514_string().split("CN=")[1] for one in chain] == [
        "localhost", "Alliance Access CA 2", "Alliance Root CA 2",
    ]  # fmt: skip
    at = ["-attime", str(int((clock.now() + timedelta(days=31)).timestamp()))]
    for name in ("root", "root-2"):
        root = workstation.file(f"{name}.pem", selectors.pem(Authority.objects.get(name=name).der).encode())
        done = openssl("verify", *at, "-CAfile", root, "-untrusted", served, served)
        assert done.stdout.decode() == f"{served}: OK\n"
    kinds_of = {row.kind for row in forecast.everything()}
    assert forecast.Kind.CROSS in kinds_of


def test_asked_twice_it_is_the_same_request(fresh: Path) -> None:
    first = requesting.prepare(Purpose.NODES, passphrase=PASSPHRASE)
    assert requesting.prepare(Purpose.NODES, passphrase=PASSPHRASE) == first
    assert Event.objects.filter(action="authority.requested").count() == 1


def test_with_the_root_elsewhere_nothing_new_is_made_here(founded: Safe) -> None:
    """create_authorities on a console whose root is in a safe must not make another root."""
    Authority.objects.filter(name="lists").update(purpose=Purpose.SM_NODES)  # as if it had none
    with pytest.raises(KeysNotAvailable):
        authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_WORD)
    assert not keys.exists("root")


def test_the_roots_new_list_comes_by_its_protocol(founded: Safe) -> None:
    runs.revocation_list(founded.session)
    lines = take(founded.released())
    assert lines[0].startswith("root: revocation list 2")
    newest = selectors.newest_crl(Authority.objects.get(name="root"))
    assert newest is not None
    assert newest.number == 2
    assert files.current_crl("root") == bytes(newest.der)


def test_authorities_may_have_larger_keys(fresh: Path, safe: Callable[..., Safe], places: Path) -> None:
    keys.path_of("nodes").unlink()
    word = str(places / "passphrase")
    call_command(
        "request_authorities", str(fresh), "--purpose=nodes", "--key=nodes=RSA-4096", passphrase_file=word
    )
    root = safe()
    take(root.sign(fresh), root_fingerprint=root.fingerprint)
    made = x509.load_der_x509_certificate(bytes(Authority.objects.get(name="nodes").der))
    assert kinds.kind_of(made.public_key()) == "RSA-4096"
    assert crl.publish(Authority.objects.get(name="nodes").pk).number == 1
    with pytest.raises(CommandError, match="an authority's key is one of"):
        call_command("request_authorities", str(fresh), "--key=nodes=RSA-1024", passphrase_file=word)


def test_the_audit_reads_what_ceremonies_signed(
    founded: Safe, fresh: Path, safe: Callable[..., Safe]
) -> None:
    """Cross-certificates, and a root's list with the authorities that it revoked."""
    later = safe("root-2")
    with clock.frozen(clock.now() + timedelta(seconds=5)):
        take(later.sign(ask(fresh, Purpose.NODES)), root_fingerprint=later.fingerprint)
        take(founded.cross_sign(later))
    assert [str(found) for found in audit.audit().findings] == []
    later.revoke("nodes-2")
    take(later.released())
    assert [str(found) for found in audit.audit().findings] == []
    taken_back = Authority.objects.filter(name="nodes-2")
    taken_back.update(issues_from=clock.now())  # as if the root had not revoked it
    assert told() == {("root-2.crl", "list_differs")}
    taken_back.update(issues_from=taken_back.get().not_after)
    Authority.objects.filter(name="nodes").update(issues_from=Authority.objects.get(name="nodes").not_after)
    assert told() == {("root.crl", "list_differs")}


def test_the_audit_finds_a_cross_certificate_that_was_changed(
    founded: Safe, fresh: Path, safe: Callable[..., Safe]
) -> None:
    later = safe("root-2")
    with clock.frozen(clock.now() + timedelta(seconds=5)):
        take(later.sign(ask(fresh, Purpose.NODES)), root_fingerprint=later.fingerprint)
        take(founded.cross_sign(later))
    cross = CrossCertificate.objects.get()
    spoilt = bytearray(bytes(cross.der))
    spoilt[-1] ^= 1
    rewrite("UPDATE certs_crosscertificate SET der = %s", bytes(spoilt))
    assert told() == {("root-2-by-root.crt", "signature_wrong"), ("root-2-by-root.crt", "intent_differs")}
    rewrite("UPDATE certs_crosscertificate SET der = %s, issuer_id = subject_id", cross.der)
    assert {"issuer_differs", "signature_wrong"} <= {code for _, code in told()}


def rewrite(statement: str, *values: object) -> None:
    """As somebody who owns the database could: past triggers and constraints."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


def told() -> set[tuple[str, str]]:
    return {(found.subject, found.code) for found in audit.audit(lint=False).findings}
