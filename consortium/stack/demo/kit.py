"""``python -m consortium.stack.demo.kit``: what the members of the demonstration make on their own machines.

Voting keys and guardians' keys in encrypted keystores, node keys, TLS keys with CSRs, an agent's
configuration. All under ``DATA_DIR/demo``, which no part of the console reads. What a member hands in
(addresses with proof of possession, node ids, CSRs: nothing secret) goes to ``DATA_DIR/demo-handover``. Runs
again harmlessly.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from consortium.core import files
from consortium.members.rules import voting_address_statement
from consortium.stack.demo.people import CANDIDATE, FOUNDING_NODES, GUARDIANS, ROSTER, DemoNode
from consortium.stack.plan import Context

# scrypt's work factor of the demonstration's keystores: their passphrases lie beside them, so a strong one
# would only make the first start slower. A member's own wallet uses its own.
KEYSTORE_WORK = 4096


def main() -> int:
    os.umask(0o077)
    context = Context.from_environment()
    home, handover = context.data_dir / "demo", context.data_dir / "demo-handover"
    handover.mkdir(parents=True, exist_ok=True)
    if not (handover / "members.json").exists():
        _write(handover / "members.json", [_member(home, row) for row in _roster()])
    if not (handover / "guardians.json").exists():
        _write(handover / "guardians.json", [_guardian(home, number) for number in range(1, GUARDIANS + 1)])
    if not (handover / "nodes.json").exists():
        nodes = [_node(home, handover, context, node) for node in (*FOUNDING_NODES, CANDIDATE)]
        _write(handover / "nodes.json", nodes)
    return 0


def _roster() -> list[dict[str, str]]:
    with ROSTER.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _member(home: Path, row: dict[str, str]) -> dict[str, str]:
    """A member's voting key and passphrase; gives what it hands in."""
    account = _keystore(home / "members" / row["short_name"])
    statement = encode_defunct(text=voting_address_statement(row["uscc"], account.address))
    proof = "0x" + bytes(account.sign_message(statement).signature).hex()
    return {"short_name": row["short_name"], "address": account.address, "proof": proof}


def _guardian(home: Path, number: int) -> str:
    """The key of one who may break the glass; gives its address."""
    return str(_keystore(home / "guardians" / f"guardian-{number}").address)


def _keystore(directory: Path) -> LocalAccount:
    """A new key, sealed in ``directory`` with its passphrase beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    account: LocalAccount = Account.create()
    passphrase = secrets.token_urlsafe(24)
    keystore = Account.encrypt(account.key, passphrase, kdf="scrypt", iterations=KEYSTORE_WORK)
    (directory / "keystore.json").write_text(json.dumps(keystore), encoding="utf-8")
    (directory / "passphrase").write_text(passphrase + "\n", encoding="utf-8")
    return account


def _node(home: Path, handover: Path, context: Context, node: DemoNode) -> dict[str, Any]:
    """A node's two keys and its CSR, as its bank's administrator makes them."""
    directory = home / "nodes" / node.label
    directory.mkdir(parents=True, exist_ok=True)
    consensus = Account.create()
    (directory / "node.key").write_text(bytes(consensus.key).hex() + "\n", encoding="ascii")
    csr = _tls_key_and_csr(directory, node)
    (handover / f"{node.label}.csr").write_bytes(csr)
    push = f"https://127.0.0.1:{context.gateway_port + node.push_offset}/" if node.push_offset else ""
    return {
        "institution": node.institution,
        "name": node.name,
        "consensus_id": consensus._key_obj.public_key.to_bytes().hex(),
        "push_url": push,
        "csr": f"{node.label}.csr",
    }


def _tls_key_and_csr(directory: Path, node: DemoNode) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = serialization.Encoding.PEM
    (directory / "tls.key").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node.name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    (directory / "tls.csr").write_bytes(csr.public_bytes(encoding))
    return csr.public_bytes(encoding)


def _write(path: Path, content: Any) -> None:
    """All or nothing: a killed kit starts over instead of leaving half a list."""
    files.replace(path, json.dumps(content, indent=1).encode("utf-8"), mode=0o600)


if __name__ == "__main__":
    sys.exit(main())
