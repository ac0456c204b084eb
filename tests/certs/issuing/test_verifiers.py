"""What was issued, of every classic profile and kind of key, to auditors' and relying parties' programs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import verification
from cryptography.x509.verification import Criticality, ExtensionPolicy

from certs import console_certificates, issuing, rules, selectors, services
from certs.issuing import pkix
from certs.models import Authority, Certificate
from certs.profiles import CONSOLE, HOLDER, PROFILES, ProfileSpec
from consortium.core import clock
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation, openssl
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
Issue = Callable[[str, str], Certificate]

CASES = [
    ("fisco-bcos-3", "rsa2048"),
    ("fisco-bcos-2", "secp256k1"),
    ("evm-node", "p256"),
    ("evm-node", "rsa3072"),
    ("client", "p256"),
    ("client", "p384"),
    ("client", "rsa3072"),
    ("officer", "p256"),
    ("officer", "p384"),
    ("officer", "rsa3072"),
    ("ocsp", "p256"),
    ("gateway", "p256"),
    ("list-signer", "p256"),
    ("list-signer", "ed25519"),
]
PURPOSES = {"ocsp": "ocsphelper", "gateway": "sslserver", "list-signer": "any"}  # openssl's; others: clients
SERVERS = {"fisco-bcos-3", "fisco-bcos-2", "evm-node"}  # which are both


def test_no_classic_profile_and_no_kind_of_key_is_left_out() -> None:
    kinds = {"RSA": "rsa", "P-256": "p256", "P-384": "p384", "secp256k1": "secp256k1", "Ed25519": "ed25519"}
    wanted = {
        (spec.name, kinds[key.kind])
        for spec in PROFILES.values()
        for key in spec.keys
        if spec.purpose != Authority.Purpose.SM_NODES
    }
    assert {
        (profile, kind.rstrip("0123456789") if "rsa" in kind else kind) for profile, kind in CASES
    } == wanted


@pytest.fixture
def issue(
    pki: Pki, heming: Node, zhou_lan: User, wang_min: User, chen_ling: User, workstation: Workstation
) -> Issue:
    """``issue(profile, kind)``: by the services, each for whom it is."""

    def make(profile: str, kind: str) -> Certificate:
        spec = rules.profile(profile)
        if spec.needs == CONSOLE:
            return console(pki, spec, kind)
        holder = UserFactory(institution=heming.institution) if spec.needs == HOLDER else None
        request = services.submit_request(
            node=None if holder else heming,
            holder=holder,
            profile=profile,
            csr=workstation.request(kind),
            actor=wang_min if holder else zhou_lan,
        )
        services.approve_request(request, actor=chen_ling)
        made = issuing.issue(request.pk)
        assert made is not None
        return made

    return make


def console(pki: Pki, spec: ProfileSpec, kind: str) -> Certificate:
    authority = {"access": pki.access, "lists": pki.lists, "own": pki.nodes}[spec.purpose]
    key: CertificatePublicKeyTypes = ec.generate_private_key(ec.SECP256R1()).public_key()
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate().public_key()
    return console_certificates.issue(
        profile=spec.name,
        authority=authority,
        public_key=key,
        subject=spec.subject("localhost", "Alliance"),
        names=[x509.DNSName("localhost")] if spec.extensions.names else [],
    )


@pytest.mark.parametrize(("profile", "kind"), CASES)
def test_auditors_and_relying_parties_take_it(
    profile: str, kind: str, issue: Issue, pki: Pki, workstation: Workstation
) -> None:
    made = issue(profile, kind)
    assert pkix.lint(bytes(made.der)) == []
    purposes = [PURPOSES.get(profile, "sslclient"), *(["sslserver"] if profile in SERVERS else [])]
    assert all(by_openssl(made, pki, workstation, purpose) for purpose in purposes)
    by_python(made, pki)


def by_openssl(made: Certificate, pki: Pki, workstation: Workstation, purpose: str) -> bool:
    """By the root alone, through its constrained authority, as strictly as openssl can."""
    root, above, leaf = (
        workstation.file(f"{name}.pem", selectors.pem(row.der).encode())
        for name, row in (("root", pki.root), ("above", made.authority), ("leaf", made))
    )
    strict = ("verify", "-x509_strict", "-purpose", purpose, "-CAfile", root, "-untrusted", above, leaf)
    return openssl(*strict).stdout.decode() == f"{leaf}: OK\n"


def by_python(made: Certificate, pki: Pki) -> None:
    """By the same chain. Raises VerificationError."""
    root, above, leaf = (
        x509.load_der_x509_certificate(bytes(row.der)) for row in (pki.root, made.authority, made)
    )
    builder = verification.PolicyBuilder().store(verification.Store([root])).time(clock.now())
    spec = rules.profile(made.profile)
    if made.profile == "gateway":
        chain = builder.build_server_verifier(x509.DNSName("localhost")).verify(leaf, [above])
    else:
        if spec.extensions.names and "client_auth" in spec.extensions.extended_usages:
            policies = ExtensionPolicy.webpki_defaults_ca(), ExtensionPolicy.webpki_defaults_ee()
        else:  # for neither servers nor clients: what such a certificate must hold is said here
            policies = for_another_use(spec)
        builder = builder.extension_policies(ca_policy=policies[0], ee_policy=policies[1])
        chain = builder.build_client_verifier().verify(leaf, [above]).chain
    assert chain == [leaf, above, root]


def for_another_use(spec: ProfileSpec) -> tuple[ExtensionPolicy, ExtensionPolicy]:
    def of_the_profile(_: object, __: object, found: x509.ExtendedKeyUsage) -> None:
        if list(found) != spec.extensions.extended_usage_oids:
            raise ValueError("another use")

    def for_no_authority(_: object, __: object, found: x509.BasicConstraints) -> None:
        if found.ca:
            raise ValueError("an authority")

    ca = ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None
    )
    ee = (
        ExtensionPolicy.permit_all()
        .require_present(x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, of_the_profile)
        .require_present(x509.BasicConstraints, Criticality.CRITICAL, for_no_authority)
        .require_present(x509.KeyUsage, Criticality.CRITICAL, None)
        .require_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
    )
    return ca, ee


def test_both_verifiers_refuse_another_use_another_host_and_another_root(
    issue: Issue, pki: Pki, workstation: Workstation
) -> None:
    """Or that they take the others would say nothing."""
    gateway, program = issue("gateway", "p256"), issue("client", "p256")
    root, above, leaf, client = (
        x509.load_der_x509_certificate(bytes(row.der)) for row in (pki.root, pki.access, gateway, program)
    )
    builder = verification.PolicyBuilder().store(verification.Store([root])).time(clock.now())
    for refused in (
        lambda: builder.build_server_verifier(x509.DNSName("else")).verify(leaf, [above]),
        lambda: builder.build_client_verifier().verify(leaf, [above]),
        lambda: builder.build_server_verifier(x509.DNSName("localhost")).verify(client, [above]),
        lambda: builder.build_client_verifier().verify(client, []),
    ):
        with pytest.raises(verification.VerificationError):
            refused()
    file = workstation.file("leaf.pem", selectors.pem(program.der).encode())
    trusted = workstation.file("root.pem", selectors.pem(pki.root.der).encode())
    between = workstation.file("above.pem", selectors.pem(pki.access.der).encode())
    for option in (["-purpose", "sslserver", "-untrusted", between], ["-purpose", "sslclient"]):
        assert openssl("verify", "-CAfile", trusted, *option, file, check=False).returncode == 2
