"""An authority and plans on paper: without database, for what is decided before anything is stored."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from certs import building, gate, rules
from certs.gate.keys import spki
from certs.issuing import plans
from certs.issuing.families import Family, family_of
from certs.issuing.plans import Plan
from certs.models import Authority
from tests.certs import composing

NOW = datetime(2027, 3, 1, 9, 30, 15, tzinfo=UTC)
URN = f"urn:consortium:{uuid.UUID(int=1)}:node:{uuid.UUID(int=2)}"


@cache
def private_key(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """One of each kind is enough: P-256, P-384, secp256k1, RSA 2048, RSA 3072, RSA 4096."""
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind.split()[1]))
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "secp256k1": ec.SECP256K1()}
    return ec.generate_private_key(curves[kind])


@cache
def authority(kind: str = "P-256") -> Authority:
    """A CA for nodes with a key of that kind, certified by itself for ten years."""
    key = authority_key(kind)
    subject = composing.authority_subject("Alliance", f"Nodes {kind}")
    signed = composing.compose(
        subject=subject,
        public_key=key.public_key(),
        issuer=subject,
        serial=building.new_serial(),
        validity=rules.period(NOW - timedelta(days=400), timedelta(days=3650), None),
        extensions=composing.authority_extensions(key.public_key()),
    ).sign(key, building.hash_for(key))
    return Authority(name="nodes", kind="issuing", der=signed.public_bytes(Encoding.DER), crl_shards=4)


@cache
def authority_key(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """The CA's own: another than :func:`private_key` of that kind."""
    return private_key.__wrapped__(kind)


def plan(profile: str = "evm-node", kind: str = "P-256", *, signer: str = "P-256") -> Plan:
    """What a certificate for a node of Heming Bank is to say, begun now."""
    spec = rules.profile(profile)
    key = private_key(kind).public_key()
    subject = plans.Subject(
        name=spec.subject("settlement-1", "heming-bank"),
        names=(x509.UniformResourceIdentifier(URN),),
        spki=spki(key),
        key_kind=gate.key_facts(key).kind,
    )
    return plans.plan(spec, authority(signer), subject, serial=building.new_serial(), start=NOW)


def family(kind: str = "P-256") -> Family:
    """How the authority of that kind signs."""
    return family_of(bytes(authority(kind).der))


def built(wanted: Plan, signer: str = "P-256") -> bytes:
    """The same certificate by cryptography's own builder: the other hand to compare ours with."""
    key: CertificateIssuerPrivateKeyTypes = authority_key(signer)
    issuer = x509.load_der_x509_certificate(wanted.issuer.der)
    builder = composing.compose(
        subject=wanted.subject,
        public_key=x509.load_der_x509_certificate(_shell(wanted)).public_key(),
        issuer=issuer.subject,
        serial=wanted.serial,
        validity=(wanted.not_before, wanted.not_after),
        extensions=[(one.value, one.critical) for one in wanted.extensions],
    )
    return builder.sign(key, building.hash_for(authority_key(signer))).public_bytes(Encoding.DER)


def _shell(wanted: Plan) -> bytes:
    from certs.issuing import linting

    return linting.compose(wanted, family())
