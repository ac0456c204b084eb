"""Nothing is signed but what was linted; and what other CAs got wrong is found here before it is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pkilint import loader
from pkilint.validation import ValidationFindingSeverity
from pytest_django.fixtures import Settings

from certs import building
from certs.errors import ContentMismatch, LintFinding
from certs.issuing import linting, pkix, plans, reading, signing, tbs
from certs.issuing.linting import Linted
from certs.issuing.plans import Plan
from tests.certs.issuing import paper
from tests.certs.issuing.paper import NOW

PROFILES = [
    ("evm-node", "P-256"),
    ("evm-node", "RSA 3072"),
    ("fisco-bcos-3", "RSA 2048"),
    ("fisco-bcos-2", "secp256k1"),
    ("client", "P-384"),
    ("officer", "P-256"),
]


def linted(wanted: Plan, meant: Plan | None = None, signer: str = "P-256") -> Linted:
    """``wanted`` as it was built, held against what was ``meant``."""
    family = paper.family(signer)
    return linting.lint(linting.compose(wanted, family), meant or wanted, family, now=NOW)


@pytest.mark.parametrize(("profile", "kind"), PROFILES)
@pytest.mark.parametrize("signer", ["P-256", "P-384", "RSA 4096"])
def test_by_hand_and_by_the_builder_the_same_octets_come_out(profile: str, kind: str, signer: str) -> None:
    wanted = paper.plan(profile, kind, signer=signer)
    found = linted(wanted, signer=signer)
    assert found.tbs == x509.load_der_x509_certificate(paper.built(wanted, signer)).tbs_certificate_bytes
    signed = signing.sign(found, paper.authority_key(signer))
    issuer = x509.load_der_x509_certificate(wanted.issuer.der)
    x509.load_der_x509_certificate(signed).verify_directly_issued_by(issuer)
    assert reading.parts(signed).tbs == reading.parts(found.intent).tbs


def test_a_ticket_is_made_by_linting_alone() -> None:
    wanted, family = paper.plan(), paper.family()
    intent = linting.compose(wanted, family)
    with pytest.raises(TypeError, match="lint makes one"):
        Linted(object(), family=family, intent=intent, serial=wanted.serial, tbs=b"")
    ticket = linted(wanted)
    with pytest.raises(AttributeError, match="does not change"):
        ticket.tbs = b"something else"
    with pytest.raises(TypeError, match="not linted"):
        signing.sign(intent, paper.authority_key("P-256"))  # type: ignore[arg-type]


def test_another_key_than_the_authoritys_signs_nothing() -> None:
    with pytest.raises(ContentMismatch, match=r"签名|signature"):
        signing.sign(linted(paper.plan()), ec.generate_private_key(ec.SECP256R1()))


def test_a_device_that_fails_is_not_the_certificates_fault() -> None:
    with pytest.raises(signing.SignerBroke, match="TypeError"):
        signing.sign(linted(paper.plan()), None)


def reversed_subject(wanted: Plan) -> Plan:
    return replace(wanted, subject=x509.Name(list(reversed(list(wanted.subject)))))


def printable(name: x509.Name) -> x509.Name:
    """The same text as PrintableString, where we write UTF8String."""
    kind = x509.name._ASN1Type.PrintableString
    return x509.Name([x509.NameAttribute(one.oid, one.value, kind) for one in name])


def recoded_issuer(wanted: Plan) -> Plan:
    """The same name in other octets: relying parties that compare octets do not find the CA."""
    issuer = x509.load_der_x509_certificate(wanted.issuer.der).subject
    return replace(wanted, issuer=replace(wanted.issuer, subject=printable(issuer).public_bytes()))


def with_extension(wanted: Plan, value: x509.ExtensionType, critical: bool) -> Plan:
    """``value`` in the place of the extension of its kind."""
    made = plans.make(value, critical)
    return replace(
        wanted,
        extensions=tuple(made if type(one.value) is type(value) else one for one in wanted.extensions),
    )


def value_of(wanted: Plan, kind: type[x509.ExtensionType]) -> x509.ExtensionType:
    return next(one.value for one in wanted.extensions if type(one.value) is kind)


def without(wanted: Plan, kind: type[x509.ExtensionType]) -> Plan:
    return replace(wanted, extensions=tuple(one for one in wanted.extensions if type(one.value) is not kind))


SLIPS: dict[str, Callable[[Plan], Plan]] = {
    "another serial number": lambda plan: replace(plan, serial=building.new_serial()),
    "a second longer": lambda plan: replace(plan, not_after=plan.not_after + timedelta(seconds=1)),
    "a second earlier": lambda plan: replace(plan, not_before=plan.not_before - timedelta(seconds=1)),
    "another order of names": reversed_subject,
    "another string type": lambda plan: replace(plan, subject=printable(plan.subject)),
    "an issuer in other octets": recoded_issuer,
    "another key": lambda plan: replace(plan, spki=paper.plan(kind="RSA 3072").spki),
    "CA:TRUE": lambda plan: with_extension(plan, x509.BasicConstraints(ca=True, path_length=None), True),
    "CA:FALSE that is not critical": lambda plan: with_extension(
        plan, x509.BasicConstraints(ca=False, path_length=None), False
    ),
    "no constraint": lambda plan: without(plan, x509.BasicConstraints),
    "another usage": lambda plan: with_extension(plan, building.key_usage(key_cert_sign=True), True),
    "somebody else's name": lambda plan: with_extension(
        plan, x509.SubjectAlternativeName([x509.DNSName("qingchuan.example")]), False
    ),
    "no list": lambda plan: without(plan, x509.CRLDistributionPoints),
    "another CA's key": lambda plan: with_extension(
        plan, x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False
    ),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_what_is_not_what_was_meant_is_not_signed(slip: Callable[[Plan], Plan]) -> None:
    meant = paper.plan()
    with pytest.raises(ContentMismatch):
        linted(slip(meant), meant)


FAULTS: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    # EJBCA, 2019: 64 bits of which one was always 0
    "63 bits of serial number": (lambda plan: replace(plan, serial=1 << 62), "serial number"),
    "a serial number of 21 octets": (lambda plan: replace(plan, serial=1 << 160), "serial number"),
    # Let's Encrypt, 2021: both ends count
    "90 days and one second": (
        lambda plan: replace(plan, longest=plan.longest - timedelta(seconds=1)), "period",
    ),
    # WoSign, 2015
    "backdated": (
        lambda plan: replace(plan, not_before=NOW - timedelta(days=30), not_after=NOW + timedelta(days=1)),
        "beginning",
    ),
    "begins tomorrow": (lambda plan: replace(plan, not_before=NOW + timedelta(days=1)), "beginning"),
    "outlives its CA": (
        lambda plan: replace(plan, issuer=replace(plan.issuer, not_after=plan.not_after - timedelta(days=1))),
        "period",
    ),
    "a name that turns its direction": (
        lambda plan: replace(plan, subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\u202eb")])),
        "subject",
    ),
    "no name": (lambda plan: replace(plan, subject=x509.Name([])), "subject"),
    "the CA's own key": (lambda plan: replace(plan, spki=plan.issuer.spki), "public key"),
    "CA:TRUE": (SLIPS["CA:TRUE"], "end entity"),
    "no constraint": (SLIPS["no constraint"], "end entity"),
    "signs certificates": (SLIPS["another usage"], "key usage"),
    "no key of the CA": (lambda plan: without(plan, x509.AuthorityKeyIdentifier), "issuer's key"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "named"), FAULTS.values(), ids=FAULTS.keys())
def test_what_was_meant_may_be_wrong_as_well(fault: Callable[[Plan], Plan], named: str) -> None:
    """Built exactly as planned, and still refused: the plan itself repeats another CA's mistake."""
    with pytest.raises(ContentMismatch) as refusal:
        linted(fault(paper.plan()))
    assert named in refusal.value.params["what"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (lambda plan: without(plan, x509.SubjectKeyIdentifier), "pkix.certificate_skid_end_entity_missing"),
        (
            lambda plan: with_extension(
                plan,
                next(e.value for e in plan.extensions if isinstance(e.value, x509.CRLDistributionPoints)),
                True,
            ),
            "pkix.certificate_crldp_extension_critical",
        ),
        (
            lambda plan: with_extension(
                plan, x509.SubjectAlternativeName([x509.DNSName("no_such_.-host")]), False
            ),
            "pkix.invalid_domain_name_syntax",
        ),
        (
            lambda plan: with_extension(
                plan, x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:else:where")]), False
            ),
            "pkix.invalid_uri_syntax",
        ),
    ],
)
def test_pkilint_stops_what_we_do_not_look_for(
    fault: Callable[[Plan], Plan], code: str, settings: Settings
) -> None:
    with pytest.raises(LintFinding) as finding:
        linted(fault(paper.plan()))
    assert code in finding.value.params["finding"]
    settings.LINT_CERTIFICATES = False  # as the benchmark runs it
    assert isinstance(linted(fault(paper.plan())), Linted)


@pytest.mark.parametrize(("profile", "kind"), PROFILES)
def test_of_our_profiles_pkilint_knows_nothing_but_the_urn(
    profile: str, kind: str, settings: Settings
) -> None:
    """With a public address of the ordinary form, and none of its findings set aside."""
    settings.PUBLIC_URL = "https://console.example"
    document = loader.load_der_certificate(linted(paper.plan(profile, kind)).intent)
    found = [
        (finding.finding.code, str(result.node.pdu))
        for result in pkix._linter().results(document.root)
        for finding in result.finding_descriptions
        if finding.finding.severity <= ValidationFindingSeverity.NOTICE
    ]
    assert found == [("pkix.invalid_uri_syntax", paper.URN)]


def test_what_is_no_certificate_is_said_to_be_none() -> None:
    certificate = linting.compose(paper.plan(), paper.family())
    assert reading.serial_of(certificate).bit_length() == building.SERIAL_BITS
    for broken in (b"", b"\x30", certificate[:-1], certificate + b"\0", b"\x30\x80" + certificate[2:]):
        with pytest.raises(ContentMismatch):
            reading.spki_of(broken)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16383, 16384, 113549])
def test_object_identifiers(number: int) -> None:
    identifier = x509.ObjectIdentifier(f"1.2.{number}")
    value = plans.make(x509.UnrecognizedExtension(identifier, b"\x05\x00"), False)
    built = x509.CertificateBuilder().add_extension(value.value, False)
    assert tbs.oid(identifier)[2:] in value.der
    assert built._extensions[0].oid == identifier


def test_what_was_read_back_once_does_not_let_a_slip_pass_later() -> None:
    """The extensions of the first are known from then on; each of the others differs from them in one way."""
    wanted = paper.plan()
    linted(wanted)
    built = linting.compose(wanted, paper.family())
    last = wanted.extensions[-1].der
    other = last[:-1] + bytes((last[-1] ^ 1,))
    slips = [
        (built.replace(last, other), wanted),
        (built, replace(wanted, extensions=tuple(reversed(wanted.extensions)))),
        (built, with_extension(wanted, x509.SubjectKeyIdentifier(bytes(20)), critical=False)),
    ]
    for intent, plan in slips:
        with pytest.raises(ContentMismatch):
            linting.lint(intent, plan, paper.family(), now=NOW)
