"""An officer's key: made and kept by the officer, sealed by a passphrase; its public half is handed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from certs.keystores import kinds, sealed
from governance.permissions.ceremony.errors import Refused

FORMAT = "consortium-officer-key-1"
NAME = "x-officer"  # in the root, beside the key: whose it is
_LONGEST_NAME = 80


def make(directory: Path, officer: str, passphrase: bytes) -> Path:
    """Make ``officer.key`` (sealed) and ``officer.json`` (public, with a proof) in ``directory``.

    Returns the public file. Raises KeyThere: a key is never overwritten.
    """
    _check_name(officer)
    key = Ed25519PrivateKey.generate()
    sealed.seal(directory / "officer.key", "officer", sealed.plain_of(key), passphrase)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    said = {"format": FORMAT, "officer": officer, "public": public}
    document = {**said, "proof": key.sign(_canonical(said)).hex()}
    place = directory / "officer.json"
    place.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return place


def read(path: Path) -> SSlibKey:
    """An officer's public key, with the officer's name in it. Raises Refused where the proof does not fit."""
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        proof = bytes.fromhex(document.pop("proof"))
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(document["public"]))
        public.verify(proof, _canonical(document))
        known = document["format"] == FORMAT
    except InvalidSignature:
        raise Refused(f"{path}: who wrote this does not have the key") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{path}: no officer's public key ({type(error).__name__})") from error
    if not known:
        raise Refused(f"{path}: no officer's public key (another format)")
    _check_name(document["officer"])
    key = SSlibKey.from_crypto(public)
    key.unrecognized_fields[NAME] = document["officer"]
    return key


def open_key(path: Path, passphrase: bytes) -> CryptoSigner:
    """The sealed key: an officer's, or one of a root that one command made. Raises KeyStoreError."""
    key = kinds.load(sealed.unseal(path, path.stem, passphrase), path.stem)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(f"{path} is no key of this ceremony")
    return CryptoSigner(key)


def _check_name(officer: Any) -> None:
    if not isinstance(officer, str) or not officer.isprintable() or not 0 < len(officer) <= _LONGEST_NAME:
        raise Refused(f"an officer's name has 1 to {_LONGEST_NAME} characters")


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
