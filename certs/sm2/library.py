"""SM2 by OpenSSL 3: make keys, sign with SM3, verify, carry keys in PKCS#8.

The signature's nonce is OpenSSL's own (its private DRBG, seeded by the operating system). Nothing in Python
computes with a private key or draws a nonce: one repeated or guessed nonce gives an SM2 key away.
Private keys live in OpenSSL's memory, which is cleansed when they go; in Python's they are for as long as it
takes to seal and open them, as PKCS#8.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_size_t, c_ubyte, c_void_p, cast
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.utils.translation import gettext as _

from certs.errors import SM2Failure, SM2NotAvailable
from certs.sm2 import binding

DEFAULT_ID = b"1234567812345678"  # GM/T 0009 section 10: the signer's id where nothing else was agreed
_MOST_ERRORS = 20
T = TypeVar("T")


class PublicKey:
    """An SM2 public key in OpenSSL's hands."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._free = binding.load().EVP_PKEY_free  # kept here: at the interpreter's end modules go first

    @classmethod
    def from_spki(cls, spki: bytes) -> PublicKey:
        """From a SubjectPublicKeyInfo, DER. Raises SM2Failure where it is none of SM2 or off the curve."""
        library = _library()
        data = c_char_p(spki)
        handle = library.d2i_PUBKEY_ex(None, byref(data), len(spki), None, _properties())
        key = cls(_checked("read the public key", handle))
        if not library.EVP_PKEY_is_a(handle, b"SM2"):
            raise SM2Failure(what="read the public key", why="not an SM2 key")
        with _keyed(handle) as context:
            _checked("check the public key", library.EVP_PKEY_public_check(context) == 1)
        return key

    @property
    def spki(self) -> bytes:
        """The SubjectPublicKeyInfo, DER."""
        return _encoded(_library().i2d_PUBKEY, self._handle, "write the public key")

    def verifies(self, signature: bytes, data: bytes, signer_id: bytes = DEFAULT_ID) -> bool:
        """Is ``signature`` (DER) this key's over ``data``, under SM3 and ``signer_id``?"""
        library = _library()
        with _digest("EVP_DigestVerifyInit_ex", self._handle, signer_id) as context:
            answer = library.EVP_DigestVerify(context, signature, len(signature), data, len(data))
            library.ERR_clear_error()  # a wrong signature leaves entries behind for the next caller
        return bool(answer == 1)

    def __del__(self) -> None:
        self._free(self._handle)  # OpenSSL cleanses the private part


class PrivateKey(PublicKey):
    """An SM2 private key, used by OpenSSL alone."""

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new key. Raises SM2NotAvailable or SM2Failure."""
        library = _library()
        context = _checked("prepare a key", library.EVP_PKEY_CTX_new_from_name(None, b"SM2", _properties()))
        made = c_void_p()
        try:
            _checked("prepare a key", library.EVP_PKEY_keygen_init(context) == 1)
            _checked("make a key", library.EVP_PKEY_generate(context, byref(made)) == 1)
        finally:
            library.EVP_PKEY_CTX_free(context)
        return cls(_checked("make a key", made.value or 0))

    @classmethod
    def from_pkcs8(cls, der: bytes) -> PrivateKey:
        """From an unencrypted PKCS#8. Raises SM2Failure where it holds no sound SM2 key."""
        library = _library()
        data = c_char_p(der)
        info = library.d2i_PKCS8_PRIV_KEY_INFO(None, byref(data), len(der))
        _checked("read the private key", info)
        try:
            handle = library.EVP_PKCS82PKEY_ex(info, None, _properties())
        finally:
            library.PKCS8_PRIV_KEY_INFO_free(info)
        key = cls(_checked("read the private key", handle))
        if not library.EVP_PKEY_is_a(handle, b"SM2"):
            raise SM2Failure(what="read the private key", why="not an SM2 key")
        with _keyed(handle) as context:
            _checked("check the private key", library.EVP_PKEY_pairwise_check(context) == 1)
        return key

    def pkcs8(self) -> bytes:
        """As unencrypted PKCS#8, DER: for sealing, nothing else."""
        library = _library()
        info = _checked("write the private key", library.EVP_PKEY2PKCS8(self._handle))
        try:
            return _encoded(library.i2d_PKCS8_PRIV_KEY_INFO, info, "write the private key")
        finally:
            library.PKCS8_PRIV_KEY_INFO_free(info)

    def sign(self, data: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
        """SM2 over SM3 of ``data``: the DER of SEQUENCE { r, s }. Another one each time."""
        library = _library()
        with _digest("EVP_DigestSignInit_ex", self._handle, signer_id) as context:
            length = c_size_t()
            done = library.EVP_DigestSign(context, None, byref(length), data, len(data))
            _checked("sign", done == 1)
            room = ctypes.create_string_buffer(length.value)
            done = library.EVP_DigestSign(context, room, byref(length), data, len(data))
            _checked("sign", done == 1)
            return room.raw[: length.value]


def available() -> str:
    """Why there is no SM2 here, in the reader's language; empty where there is."""
    try:
        why = _lacking(_properties())
    except binding.LibraryMissing as error:
        return _("OpenSSL 3 can't be used here: %(why)s") % {"why": error}
    return _("this OpenSSL has no SM2: %(why)s") % {"why": why} if why else ""


def _properties() -> bytes | None:
    """OpenSSL's property query (see property(7)) for whose SM2 is meant; none for its default provider's."""
    return settings.SM2_PROPERTIES.encode() or None


@cache
def _lacking(properties: bytes | None) -> str:
    """Found out once, by doing it: make a key, sign, verify. Raises LibraryMissing."""
    binding.load()
    try:
        key = PrivateKey.generate()
        sound = key.verifies(key.sign(b"probe"), b"probe")
    except SM2Failure as failure:
        return str(failure.params["why"])
    return "" if sound else "its own signature does not verify"


def _library() -> ctypes.CDLL:
    try:
        return binding.load()
    except binding.LibraryMissing as error:
        raise SM2NotAvailable(why=str(error)) from error


def _checked(what: str, result: T) -> T:
    """``result`` where it is one. Where not, raises SM2Failure with what OpenSSL queued as the reason."""
    if result:
        binding.load().ERR_clear_error()
        return result
    raise SM2Failure(what=what, why=_reasons() or "no reason given")


def _reasons() -> str:
    """OpenSSL's error queue of this thread, emptied; first the entry nearest to the cause."""
    library = binding.load()
    found: list[str] = []
    room = ctypes.create_string_buffer(256)
    while (code := library.ERR_get_error()) and len(found) < _MOST_ERRORS:
        library.ERR_error_string_n(code, room, len(room))
        found.append(room.value.decode("ascii", "replace"))
    return "; ".join(found)


@contextmanager
def _keyed(handle: int) -> Iterator[int]:
    """A context over a key, freed in the end."""
    library = _library()
    context = _checked("use the key", library.EVP_PKEY_CTX_new_from_pkey(None, handle, _properties()))
    try:
        yield context
    finally:
        library.EVP_PKEY_CTX_free(context)


@contextmanager
def _digest(begin: str, handle: int, signer_id: bytes) -> Iterator[int]:
    """A context that hashes with SM3, begun for signing or verifying, the id set before the first byte."""
    library = _library()
    context = _checked("begin", library.EVP_MD_CTX_new())
    try:
        inner = c_void_p()  # belongs to the context
        begun = getattr(library, begin)(context, byref(inner), b"SM3", None, _properties(), handle, None)
        _checked("begin", begun == 1)
        _checked("set the id", library.EVP_PKEY_CTX_set1_id(inner, signer_id, len(signer_id)) == 1)
        yield context
    finally:
        library.EVP_MD_CTX_free(context)


def _encoded(encode: Callable[..., int], subject: int, what: str) -> bytes:
    """What an ``i2d_…`` function writes; its buffer is cleansed and given back."""
    room = POINTER(c_ubyte)()
    length = encode(subject, byref(room))
    _checked(what, length > 0)
    try:
        return ctypes.string_at(room, length)
    finally:
        binding.load().CRYPTO_clear_free(cast(room, c_void_p), length, b"", 0)
