"""The command lines that make a key and a request on the member's own machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.utils.functional import Promise

from certs.models import Authority, Certificate, Profile
from consortium.members.models import Node
from consortium.members.states import NodeSoftware


@dataclass(frozen=True)
class Command:
    """``label`` of the profile and the shell lines, safe to paste: names are slugs."""

    profile: str
    label: str | Promise
    lines: str


def commands(node: Node) -> list[Command]:
    """One for each profile, first the node's own. The subject is what the certificate will say; optional."""
    lines = {Profile.FISCO_BCOS_3: _rsa, Profile.EVM_NODE: _p256}
    return [Command(profile, profile.label, lines[profile](node)) for profile in profiles(node)]


def profiles(node: Node) -> list[Profile]:
    """All of them, first the one that fits the node's software."""
    fits = Profile.FISCO_BCOS_3 if node.software == NodeSoftware.FISCO_BCOS else Profile.EVM_NODE
    return [fits, *(profile for profile in Profile if profile != fits)]


def fingerprint(node: Node) -> str:
    """Shows the fingerprint of the key in a request, as the console shows it."""
    key = f"openssl req -in {node.name}.csr -noout -pubkey | openssl pkey -pubin -outform DER"
    return f"{key} | sha256sum"


def file_name(certificate: Certificate, suffix: str = "") -> str:
    """What the certificate is called where it is saved; its chain has the suffix "-chain"."""
    return f"{certificate.of_node.name}-{certificate.serial_id[:8]}{suffix}.pem"


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
    return Root(authority, hashlib.sha256(authority.der).digest().hex(":").upper())


def check(certificate: Certificate) -> str:
    """Shows the root's fingerprint, and checks the certificate against the root."""
    leaf, chain = file_name(certificate), file_name(certificate, "-chain")
    show = "openssl x509 -inform DER -in root.crt -out root.pem && openssl x509 -in root.pem -noout"
    return f"{show} -fingerprint -sha256\nopenssl verify -CAfile root.pem -untrusted {chain} {leaf}"


def _rsa(node: Node) -> str:
    algorithm = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    return _lines(node, algorithm, f"/CN={node.name}/O={node.institution.short_name}/OU=agency")


def _p256(node: Node) -> str:
    algorithm = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    return _lines(node, algorithm, f"/CN={node.name}/O={node.institution.short_name}")


def _lines(node: Node, algorithm: str, subject: str) -> str:
    key, csr = f"{node.name}.key", f"{node.name}.csr"
    make = f"openssl genpkey {algorithm} -out {key}"
    return f'umask 077\n{make}\nopenssl req -new -sha256 -key {key} -subj "{subject}" -out {csr}'
