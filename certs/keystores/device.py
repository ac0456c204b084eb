"""Keys in a device that speaks PKCS#11: they sign there, and never leave it.

A process logs in once for each token and keeps the session. Mechanisms are the plain ones, CKM_ECDSA and
CKM_RSA_PKCS over a digest made here, which every device has.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key

from certs.keystores.errors import KeyThere, NoSuchKey, NotThisKind, WrongSecret
from certs.keystores.kinds import AuthorityKey, check

PREFIX = "pkcs11:"
_NAME = re.compile(r"pkcs11:([A-Za-z0-9][A-Za-z0-9 ._-]{0,31})/([A-Za-z0-9][A-Za-z0-9._-]{0,59})")
# DigestInfo (RFC 8017 section 9.2, note 1): what CKM_RSA_PKCS is given before the digest
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_CURVES = {"P-256": "secp256r1", "P-384": "secp384r1"}


@dataclass(frozen=True)
class Place:
    """``pkcs11:<token>/<label>``, taken apart."""

    token: str
    label: str

    @classmethod
    def of(cls, name: str) -> Place:
        """Raises ValueError on a name of another form."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"not a key in a device: {name!r}; wanted: pkcs11:<token>/<label>")
        return cls(found[1], found[2])


@dataclass
class _Session:
    session: Any
    pin_sha256: bytes
    lock: threading.Lock = field(default_factory=threading.Lock)  # a session does one thing at a time


_sessions: dict[tuple[str, str], _Session] = {}
_opening = threading.Lock()
_process = os.getpid()


def open_key(module: str, name: str, pin: bytes) -> AuthorityKey:
    """The key ``name`` in the device behind the library ``module``. Raises NoSuchKey, WrongSecret."""
    place = Place.of(name)
    opened = _logged_in(module, place.token, pin)
    with opened.lock:
        public = _public_key(opened.session, place)
        private = _find(opened.session, place, ObjectClass.PRIVATE_KEY)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return EllipticKey(opened, private, public)
    return RsaKey(opened, private, public)


def exists(module: str, name: str) -> bool:
    """Is there a key of that name? Asks without the PIN, by the public half."""
    place = Place.of(name)
    try:
        with _session_without_pin(module, place.token) as session:
            _find(session, place, ObjectClass.PUBLIC_KEY)
    except NoSuchKey:
        return False
    return True


def make(module: str, name: str, kind: str, pin: bytes) -> AuthorityKey:
    """Make a key inside the device, sensitive and not extractable. Raises KeyThere, NotThisKind."""
    check(kind)
    if exists(module, name):
        raise KeyThere(f"{name} is there; it is never overwritten")
    place = Place.of(name)
    opened = _logged_in(module, place.token, pin)
    with opened.lock:
        _generate(opened.session, place, kind)
    return open_key(module, name, pin)


def _generate(session: Any, place: Place, kind: str) -> None:
    options: dict[str, Any] = {
        "label": place.label,
        "id": hashlib.sha256(place.label.encode()).digest()[:16],
        "store": True,
        "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    }
    if kind in _CURVES:
        curve = encode_named_curve_parameters(_CURVES[kind])
        parameters = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
        parameters.generate_keypair(**options)
    else:
        session.generate_keypair(KeyType.RSA, int(kind.partition("-")[2]), **options)


def _library(module: str) -> Any:
    """The library, once a process: what a parent opened is of no use in its child."""
    global _process
    if not module:
        raise NoSuchKey("no PKCS#11 library is named (PKCS11_MODULE)")
    try:
        library = pkcs11.lib(module)
        if _process != os.getpid():
            _sessions.clear()
            library.reinitialize()
            _process = os.getpid()
    except (RuntimeError, pkcs11.PKCS11Error) as error:
        raise NoSuchKey(f"{module}: {error}") from error
    return library


def _token(module: str, label: str) -> Any:
    library = _library(module)
    try:
        return library.get_token(token_label=label)
    except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned) as error:
        raise NoSuchKey(f"{module}: no token, or more than one, is called {label!r}") from error


def _logged_in(module: str, label: str, pin: bytes) -> _Session:
    digest = hashlib.sha256(pin).digest()
    with _opening:
        token = _token(module, label)
        known = _sessions.get((module, label))
        if known is None:
            known = _sessions[module, label] = _Session(_log_in(token, pin), digest)
    # The device would not ask again: that one user of this process knew the PIN says nothing of the next.
    if not hmac.compare_digest(known.pin_sha256, digest):
        raise WrongSecret(f"{label}: wrong PIN")
    return known


def _log_in(token: Any, pin: bytes) -> Any:
    try:
        return token.open(rw=True, user_pin=pin.decode())
    except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinLocked) as error:
        raise WrongSecret(f"{token.label}: wrong PIN") from error


@contextmanager
def _session_without_pin(module: str, label: str) -> Iterator[Any]:
    with _opening:
        token = _token(module, label)
    with token.open() as session:
        yield session


def _find(session: Any, place: Place, of: ObjectClass) -> Any:
    try:
        return session.get_key(object_class=of, label=place.label)
    except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
        raise NoSuchKey(f"{place.token}: no key, or more than one, is called {place.label!r}") from error


def _public_key(session: Any, place: Place) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    found = _find(session, place, ObjectClass.PUBLIC_KEY)
    encode = encode_ec_public_key if found.key_type == KeyType.EC else encode_rsa_public_key
    if found.key_type not in (KeyType.EC, KeyType.RSA):
        raise NotThisKind(f"{place.label}: a key of type {found.key_type}")
    der = encode(found)
    if found.key_type == KeyType.RSA:
        der = _subject_public_key_info(der)
    key = load_der_public_key(der)
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise NotThisKind(f"{place.label}: a key of type {type(key).__name__}")
    return key


def _subject_public_key_info(pkcs1: bytes) -> bytes:
    from asn1crypto.keys import PublicKeyInfo, RSAPublicKey

    return bytes(PublicKeyInfo.wrap(RSAPublicKey.load(pkcs1), "rsa").dump())


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    made = hashes.Hash(algorithm)
    made.update(data)
    return made.finalize()


class _InDevice:
    """What both kinds share: the object in the device, and that it stays there."""

    def __init__(self, opened: _Session, handle: Any, public: Any) -> None:
        self._opened, self._handle, self._public = opened, handle, public

    @property
    def key_size(self) -> int:
        return int(self._public.key_size)

    def public_key(self) -> Any:
        return self._public

    def _raw(self, data: bytes, mechanism: Mechanism) -> bytes:
        with self._opened.lock:
            return bytes(self._handle.sign(data, mechanism=mechanism))

    def private_numbers(self) -> Any:
        raise NotThisKind("a key in a device does not leave it")

    def private_bytes(self, *_: Any, **__: Any) -> bytes:
        raise NotThisKind("a key in a device does not leave it")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _: Any) -> Any:
        return self


class EllipticKey(_InDevice, ec.EllipticCurvePrivateKey):
    """An EC key in a device, as cryptography's builders take it."""

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    def exchange(self, *_: Any, **__: Any) -> bytes:
        raise NotThisKind("an authority's key signs and does nothing else")

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        algorithm = getattr(signature_algorithm, "algorithm", None)
        if not isinstance(signature_algorithm, ec.ECDSA) or not isinstance(algorithm, hashes.HashAlgorithm):
            raise NotThisKind("only ECDSA over a message")
        raw = self._raw(_digest(bytes(data), algorithm), Mechanism.ECDSA)
        half = len(raw) // 2
        return utils.encode_dss_signature(
            int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        )


class RsaKey(_InDevice, rsa.RSAPrivateKey):
    """An RSA key in a device; PKCS#1 v1.5 signatures, as certificates have them."""

    def decrypt(self, *_: Any, **__: Any) -> bytes:
        raise NotThisKind("an authority's key signs and does nothing else")

    def sign(self, data: Any, padding_: Any, algorithm: Any) -> bytes:
        if not isinstance(padding_, padding.PKCS1v15) or getattr(algorithm, "name", "") not in _DIGEST_INFO:
            raise NotThisKind("only PKCS#1 v1.5 over SHA-2")
        return self._raw(_DIGEST_INFO[algorithm.name] + _digest(bytes(data), algorithm), Mechanism.RSA_PKCS)
