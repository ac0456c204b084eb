"""The bytes of each file: after facts published by the node software."""

from __future__ import annotations

import json
from dataclasses import dataclass

from governance.permissions.formats import paths
from governance.permissions.formats.desired import (
    RSA,
    SECP256K1,
    SM2,
    Address,
    DesiredState,
    FrozenNode,
    Header,
    ListedNode,
)

# FISCO BCOS takes an empty white list, or one of invalid ids only (all zeros is one), for "allow everyone".
# Where nobody may connect, the list therefore holds 2^2047: 2048 bits long, so a valid id, but even, so no
# product of two odd primes, so the modulus of no RSA key.
NOBODY_TLS_ID = "8" + "0" * 511
# Likewise for public keys: a point whose y is 0 would have order 2, and both curves, secp256k1 and SM2's,
# have a prime number of points.
NOBODY_PUBLIC_KEY = "8" + "0" * 127


@dataclass(frozen=True)
class Form:
    """A kind of FISCO BCOS network: what nobody's id is in it, and where its lists go."""

    name: str
    nobody: str
    certificates: str
    nodes: str


FORMS = (
    Form(RSA, NOBODY_TLS_ID, paths.FISCO_CERTIFICATES_PATH, paths.FISCO_NODES_PATH),
    Form(SECP256K1, NOBODY_PUBLIC_KEY, paths.FISCO_2_CERTIFICATES_PATH, paths.FISCO_2_NODES_PATH),
    Form(SM2, NOBODY_PUBLIC_KEY, paths.FISCO_SM_CERTIFICATES_PATH, paths.FISCO_SM_NODES_PATH),
)


def write(header: Header, state: DesiredState) -> dict[str, bytes]:
    """Every file of an epoch, by its path inside the network's folder."""
    enodes = [_enode(node, node.first_address) for node in state.nodes]
    with_raft = [_with_raft(node, url) for node, url in zip(state.nodes, enodes, strict=True)]
    files = {
        paths.JSON_PATH: _permissions(header, state),
        paths.BESU_PATH: _besu(state),
        paths.GOQUORUM_PATH: _list(with_raft),
        # never empty bytes: GoQuorum would then block everybody
        paths.GOQUORUM_DISALLOWED_PATH: _list([_frozen_enode(node) for node in state.frozen]),
        paths.GETH_PATH: _list(enodes),
    }
    for form in FORMS:
        files[form.certificates] = _certificates(form, state)
        files[form.nodes] = _peers(form, state)
    return files


def _permissions(header: Header, state: DesiredState) -> bytes:
    head = json.dumps({"network": header.network, **header.custom()}, ensure_ascii=False)
    return head[:-1].encode() + b",\n" + state.body


def _list(entries: list[str]) -> bytes:
    """A list of strings, one a line, that JSON writes as they are: keys, numbers and addresses."""
    return _array(entries).encode() + b"\n"


def _array(entries: list[str]) -> str:
    return "[\n " + ",\n ".join([f'"{entry}"' for entry in entries]) + "\n]" if entries else "[]"


def _enode(node: ListedNode, address: Address) -> str:
    return f"enode://{node.consensus_id}@{address}?discport={node.discovery_port or address.port}"


def _with_raft(node: ListedNode, url: str) -> str:
    return f"{url}&raftport={node.raft_port}" if node.raft_port else url


def _frozen_enode(node: FrozenNode) -> str:
    return f"enode://{node.consensus_id}@{Address(node.host, node.port)}?discport={node.port}"


def _besu(state: DesiredState) -> bytes:
    """Both keys always: Besu does not start when one is missing that its options switch on."""
    accounts = ",".join([f'"{account.address}"' for account in state.accounts])
    nodes = ",".join([f'"{_enode(node, address)}"' for node, own in state.reach for address in own])
    return f"accounts-allowlist=[{accounts}]\nnodes-allowlist=[{nodes}]\n".encode()


def _certificates(form: Form, state: DesiredState) -> bytes:
    white = state.white(form.name) or [form.nobody]
    lines = ["[certificate_blacklist]"]
    lines += [f"    crl.{number}={tls_id}" for number, tls_id in enumerate(state.black(form.name))]
    lines += ["[certificate_whitelist]"]
    lines += [f"    cal.{number}={tls_id}" for number, tls_id in enumerate(white)]
    return ("\n".join(lines) + "\n").encode("ascii")


def _peers(form: Form, state: DesiredState) -> bytes:
    known = ((node, own) for node, own in state.reach if node.tls_ids.of(form.name))
    found = [str(address) for _node, own in known for address in own]
    return f'{{"nodes": {_array(found)}}}\n'.encode()
