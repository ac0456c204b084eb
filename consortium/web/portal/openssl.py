"""The command lines that make a key and a request on the member's own machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.utils.functional import Promise

from certs.models import Authority, Certificate, CertificateRequest, Profile
from consortium.members.models import Node
from consortium.members.states import NodeSoftware
from consortium.web.profiles import HOLDER, NODE, offered

_RSA = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
_P256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
_SECP256K1 = "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1"
_SM2 = "-algorithm EC -pkeyopt ec_paramgen_curve:SM2"
_ALGORITHMS = {
    Profile.FISCO_BCOS_3: _RSA,
    Profile.FISCO_BCOS_2: _SECP256K1,
    Profile.FISCO_BCOS_3_SM: _SM2,
    Profile.FISCO_BCOS_3_SM_ENC: _SM2,
    Profile.EVM_NODE: _P256,
    Profile.CLIENT: _P256,
    Profile.OFFICER: _P256,
}
_UNITS = {
    Profile.FISCO_BCOS_3: "/OU=agency",
    Profile.FISCO_BCOS_3_SM: "/OU=ssl",
    Profile.FISCO_BCOS_3_SM_ENC: "/OU=enssl",
}
_SM2_SIGNATURE = "-sm3 -sigopt distid:1234567812345678"
_SM2_CHECK = "-vfyopt distid:1234567812345678"


@dataclass(frozen=True)
class Command:
    """``label`` of the profile and the shell lines, safe to paste: names are slugs."""

    profile: str
    label: str | Promise
    lines: str


def commands(node: Node) -> list[Command]:
    """One for each profile, first the node's own. The subject is what the certificate will say; optional."""
    return [Command(profile, profile.label, lines(profile, node)) for profile in profiles(node)]


def holder_commands() -> list[Command]:
    """For officers and programs."""
    return [Command(profile, profile.label, lines(profile, None)) for profile in offered(HOLDER)]


def profiles(node: Node) -> list[Profile]:
    """All that nodes have, first the one that fits the node's software."""
    found = offered(NODE)
    return sorted(found, key=lambda profile: profile != _fitting(node))


def _fitting(node: Node) -> Profile:
    if node.software != NodeSoftware.FISCO_BCOS:
        return Profile.EVM_NODE
    return Profile.FISCO_BCOS_2 if node.software_version.partition(".")[0] == "2" else Profile.FISCO_BCOS_3


def lines(profile: str, node: Node | None, *, keeps_key: bool = False, suffix: str = "") -> str:
    """Key and request. ``keeps_key``: the request is made with the key that is there, no new one."""
    key, csr = (f"{stem(profile, node)}{suffix}.{ending}" for ending in ("key", "csr"))
    digest = _SM2_SIGNATURE if _ALGORITHMS[Profile(profile)] == _SM2 else "-sha256"
    make = f"openssl genpkey {_ALGORITHMS[Profile(profile)]} -out {key}"
    ask = f'openssl req -new {digest} -key {key} -subj "{_subject(profile, node)}" -out {csr}'
    return ask if keeps_key else f"umask 077\n{make}\n{ask}"


def stem(profile: str, node: Node | None) -> str:
    """What files are called; a node's two 国密 certificates have a key each."""
    if node is None:
        return profile
    return f"{node.name}-enc" if profile == Profile.FISCO_BCOS_3_SM_ENC else node.name


def _subject(profile: str, node: Node | None) -> str:
    """People's names come from the record alone; a node's may be given and must be the same."""
    if node is None:
        return "/"
    unit = _UNITS.get(Profile(profile), "")
    return f"/CN={node.name}/O={node.institution.short_name}{unit}"


def renewal(certificate: Certificate, *, keeps_key: bool) -> str:
    """A new key under another name, so that the old one serves until the new certificate is there."""
    suffix = "" if keeps_key else "-new"
    return lines(certificate.profile, certificate.node, keeps_key=keeps_key, suffix=suffix)


def fingerprint(request: CertificateRequest) -> str:
    """Shows the fingerprint of the key in a request, as the console shows it."""
    csr = f"{stem(request.profile, request.node)}.csr"
    return f"openssl req -in {csr} -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum"


def file_name(certificate: Certificate, suffix: str = "") -> str:
    """What the certificate is called where it is saved; its chain has the suffix "-chain"."""
    name = stem(certificate.profile, certificate.node)
    return f"{name}-{certificate.serial_id[:8]}{suffix}.pem"


@dataclass(frozen=True)
class Root:
    """The authority that everything of a certificate hangs from, and its SHA-256 as openssl prints it."""

    authority: Authority
    fingerprint: str


def root_of(certificate: Certificate) -> Root:
    """What whoever checks the certificate has to trust."""
    authority = certificate.authority
    while authority.parent is not None:
        authority = authority.parent
    return Root(authority, fingerprint_of(authority))


def fingerprint_of(authority: Authority) -> str:
    """SHA-256 of its certificate as openssl prints it."""
    return hashlib.sha256(authority.der).digest().hex(":").upper()


def check(certificate: Certificate) -> str:
    """Shows the root's fingerprint, and checks the certificate against the root."""
    leaf, chain = file_name(certificate), file_name(certificate, "-chain")
    show = "openssl x509 -inform DER -in root.crt -out root.pem && openssl x509 -in root.pem -noout"
    verify = f"openssl verify -CAfile root.pem -untrusted {chain} {leaf}"
    if _is_sm2(certificate):
        # openssl 3 hands the id to the certificate it is asked about alone, so each link is asked about
        verify = (
            f"sed '1,/END CERTIFICATE/d' {chain} | openssl x509 -out issuer.pem\n"
            f"openssl verify {_SM2_CHECK} -CAfile root.pem issuer.pem\n"
            f"openssl verify {_SM2_CHECK} -partial_chain -CAfile issuer.pem {leaf}"
        )
    return f"{show} -fingerprint -sha256\n{verify}"


def _is_sm2(certificate: Certificate) -> bool:
    return _ALGORITHMS.get(Profile(certificate.profile)) == _SM2


def status_question(certificate: Certificate, address: str) -> str:
    """Asks the responder at ``address`` whether the certificate is in force, now; 国密 have none to ask."""
    if _is_sm2(certificate):
        return ""
    leaf, chain = file_name(certificate), file_name(certificate, "-chain")
    split = f"openssl x509 -in {chain} -out leaf.pem && sed '1,/END CERTIFICATE/d' {chain} > above.pem"
    ask = f"openssl ocsp -issuer above.pem -cert {leaf} -url {address} -CAfile root.pem -no_nonce"
    return f"{split}\n{ask}"
