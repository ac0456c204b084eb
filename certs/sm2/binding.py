"""OpenSSL 3's libcrypto by ctypes: the functions that SM2 needs, with their types.

The library is the one that Python's own ssl module runs on, so that what the system patches is what signs;
where that one shows no symbols (a Python with OpenSSL built in), the system's own is looked for.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_ulong, c_void_p
from functools import cache

LEAST_MAJOR = 3
_OUT = POINTER(c_void_p)
_BYTES = POINTER(c_ubyte)
# name: (what it returns, what it takes), as OpenSSL 3.0's headers declare them
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "OPENSSL_version_major": (ctypes.c_uint, []),
    "ERR_get_error": (c_ulong, []),
    "ERR_clear_error": (None, []),
    "ERR_error_string_n": (None, [c_ulong, c_char_p, c_size_t]),
    "CRYPTO_clear_free": (None, [c_void_p, c_size_t, c_char_p, c_int]),
    "EVP_MD_CTX_new": (c_void_p, []),
    "EVP_MD_CTX_free": (None, [c_void_p]),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, [c_void_p, c_char_p, c_char_p]),
    "EVP_PKEY_CTX_free": (None, [c_void_p]),
    "EVP_PKEY_CTX_new_from_pkey": (c_void_p, [c_void_p, c_void_p, c_char_p]),
    "EVP_PKEY_CTX_set1_id": (c_int, [c_void_p, c_char_p, c_int]),
    "EVP_PKEY_keygen_init": (c_int, [c_void_p]),
    "EVP_PKEY_generate": (c_int, [c_void_p, _OUT]),
    "EVP_PKEY_public_check": (c_int, [c_void_p]),
    "EVP_PKEY_pairwise_check": (c_int, [c_void_p]),
    "EVP_PKEY_is_a": (c_int, [c_void_p, c_char_p]),
    "EVP_PKEY_free": (None, [c_void_p]),
    "EVP_DigestSignInit_ex": (c_int, [c_void_p, _OUT, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p]),
    "EVP_DigestSign": (c_int, [c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t]),
    "EVP_DigestVerifyInit_ex": (c_int, [c_void_p, _OUT, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p]),
    "EVP_DigestVerify": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t]),
    "EVP_PKEY2PKCS8": (c_void_p, [c_void_p]),
    "EVP_PKCS82PKEY_ex": (c_void_p, [c_void_p, c_void_p, c_char_p]),
    "PKCS8_PRIV_KEY_INFO_free": (None, [c_void_p]),
    "i2d_PKCS8_PRIV_KEY_INFO": (c_int, [c_void_p, POINTER(_BYTES)]),
    "d2i_PKCS8_PRIV_KEY_INFO": (c_void_p, [c_void_p, POINTER(c_char_p), c_long]),
    "d2i_PUBKEY_ex": (c_void_p, [c_void_p, POINTER(c_char_p), c_long, c_void_p, c_char_p]),
    "i2d_PUBKEY": (c_int, [c_void_p, POINTER(_BYTES)]),
}


class LibraryMissing(Exception):
    """No libcrypto of OpenSSL 3 can be used here; the text says what was tried."""


@cache
def load() -> ctypes.CDLL:
    """The library, its functions declared. Raises LibraryMissing; kept for the life of the process."""
    tried = []
    for path in _candidates():
        try:
            library = _declared(ctypes.CDLL(path))
        except (OSError, AttributeError) as error:  # not there, or without a function that is needed
            tried.append(f"{path}: {error}")
            continue
        major = library.OPENSSL_version_major()
        if major >= LEAST_MAJOR:
            return library
        tried.append(f"{path}: OpenSSL {major}")
    raise LibraryMissing("; ".join(tried) or "no libcrypto found")


def _candidates() -> Iterator[str]:
    """Python's ssl extension (its symbols lead to the libcrypto that it is linked to), then the system's."""
    extension = importlib.util.find_spec("_ssl")
    if extension is not None and extension.has_location and extension.origin:
        yield extension.origin
    found = ctypes.util.find_library("crypto")
    if found:
        yield found
    yield "libcrypto.so.3"


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
