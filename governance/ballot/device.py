"""The member's key in a device that never hands it out: PKCS#11, an elliptic key on secp256k1."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pkcs11
from eth_account.messages import SignableMessage
from eth_keys.datatypes import PublicKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from governance.ballot.keystore import read_line
from governance.ballot.texts import BallotError, say

PREFIX: Final = "pkcs11:"
_SECP256K1: Final = bytes.fromhex("06052b8104000a")  # the curve's name, as CKA_EC_PARAMS has it
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True)
class Place:
    """Where a key lies: ``pkcs11:<token>/<label>`` behind the library ``module``."""

    module: Path
    token: str
    label: str

    @classmethod
    def of(cls, module: Path, name: str) -> Place:
        """Raises BallotError for a name of another form."""
        token, slash, label = name.removeprefix(PREFIX).partition("/")
        if not (name.startswith(PREFIX) and token and slash and label):
            raise BallotError("key_name_bad", value=name)
        return cls(module, token, label)


@dataclass(frozen=True)
class Signed:
    """As eth_account's ``sign_message`` answers."""

    signature: bytes


class DeviceKey:
    """A key that signs inside its device; used as eth_account's ``LocalAccount`` is."""

    def __init__(self, private: Any, public: PublicKey) -> None:
        self._private, self._public = private, public

    @property
    def address(self) -> str:
        return self._public.to_checksum_address()

    def sign_message(self, message: SignableMessage) -> Signed:
        """Sign EIP-191 or EIP-712 content. Raises BallotError where the device will not."""
        digest = keccak(b"\x19" + message.version + message.header + message.body)
        try:
            raw = bytes(self._private.sign(digest, mechanism=Mechanism.ECDSA))
        except pkcs11.PKCS11Error as error:
            raise BallotError("device_failed", reason=type(error).__name__) from error
        return Signed(self._ethereum(digest, raw))

    def _ethereum(self, digest: bytes, raw: bytes) -> bytes:
        """r, s and v: the lower s, as governors take no other, and the v that leads to this very key."""
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        s = min(s, _ORDER - s)
        for v in (0, 1):
            signature = Signature(vrs=(v, r, s))
            if self._recovers(signature, digest):
                return r.to_bytes(32) + s.to_bytes(32) + bytes([27 + v])
        raise BallotError("device_failed", reason="signature")

    def _recovers(self, signature: Signature, digest: bytes) -> bool:
        try:
            return bool(signature.recover_public_key_from_msg_hash(digest) == self._public)
        except (BadSignature, ValidationError):
            return False


def address(place: Place) -> str:
    """The key's address (EIP-55), by its public half: no PIN needed. Raises BallotError."""
    with _session(place, None) as session:
        return _public(session, place).to_checksum_address()


@contextmanager
def unlocked(place: Place, pin_file: Path | None) -> Iterator[DeviceKey]:
    """The key, ready to sign. Asks for the PIN where no file holds it. Raises BallotError."""
    prompt = say("pin_prompt", token=place.token)
    pin = read_line(pin_file, "pin_missing") if pin_file is not None else getpass.getpass(prompt)
    with _session(place, pin) as session:
        yield DeviceKey(_find(session, place, ObjectClass.PRIVATE_KEY), _public(session, place))


@contextmanager
def _session(place: Place, pin: str | None) -> Iterator[Any]:
    try:
        token = pkcs11.lib(str(place.module)).get_token(token_label=place.token)
        session = token.open(user_pin=pin) if pin is not None else token.open()
    except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned) as error:
        raise BallotError("token_unknown", token=place.token, module=place.module) from error
    except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinLocked) as error:
        raise BallotError("pin_wrong", token=place.token) from error
    except (RuntimeError, pkcs11.PKCS11Error) as error:
        raise BallotError(
            "module_failed", module=place.module, reason=error or type(error).__name__
        ) from error
    with session:
        yield session


def _find(session: Any, place: Place, of: ObjectClass) -> Any:
    try:
        return session.get_key(object_class=of, label=place.label)
    except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
        raise BallotError("key_unknown", label=place.label, token=place.token) from error


def _public(session: Any, place: Place) -> PublicKey:
    found = _find(session, place, ObjectClass.PUBLIC_KEY)
    if found.key_type != KeyType.EC or bytes(found[Attribute.EC_PARAMS]) != _SECP256K1:
        raise BallotError("curve_wrong", label=place.label)
    point = bytes(found[Attribute.EC_POINT])[-65:]  # after the octet string's head, where there is one
    if len(point) != 65 or point[0] != 4:
        raise BallotError("curve_wrong", label=place.label)
    return PublicKey(point[1:])
