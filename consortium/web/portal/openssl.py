"""The command lines that make a key and a request on the member's own machine."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

from certs.models import Profile
from consortium.members.models import Node


@dataclass(frozen=True)
class Command:
    """``label`` of the profile and the shell lines, safe to paste: names are slugs."""

    profile: str
    label: str | Promise
    lines: str


def commands(node: Node) -> list[Command]:
    """One for each profile. The subject is what the certificate will say; it may be left out."""
    return [
        Command(Profile.FISCO_BCOS_3, Profile.FISCO_BCOS_3.label, _rsa(node)),
        Command(Profile.EVM_NODE, Profile.EVM_NODE.label, _p256(node)),
    ]


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
