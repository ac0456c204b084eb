"""Keys whose private half anybody could compute: badkeys' checks that need no data from elsewhere, and ours.

badkeys (0.0.21) finds ROCA, close primes, small factors, polynomial and biased moduli, and shared primes of
its own collection. Ours: exponent, prime and power moduli, and elliptic-curve keys from a tiny number.
Its list of leaked keys is used where the operator has put it (:func:`has_blocklist`); it is never fetched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

import gmpy2
from badkeys import checks as badkeys
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils.translation import gettext_noop

from certs import rules
from certs.errors import WeakKey
from certs.rules import ReadRequest

LEAST_RSA = 2048  # whatever a profile says
BADKEYS = (
    "rsainvalid",
    "smallfactors",
    "fermat",
    "roca",
    "rsapoly",
    "rsabias",
    "pattern",
    "smalld",
    "sharedprimes",
)
FLAWS = {
    "rsainvalid": gettext_noop("invalid numbers"),
    "smallfactors": gettext_noop("small factors"),
    "fermat": gettext_noop("close primes"),
    "roca": "ROCA",
    "rsapoly": gettext_noop("modulus with a pattern"),
    "rsabias": gettext_noop("biased modulus"),
    "pattern": gettext_noop("modulus with a pattern"),
    "smalld": gettext_noop("small private exponent"),
    "sharedprimes": gettext_noop("shared prime"),
    "blocklist": gettext_noop("private key is public"),
}
TINY = 4096  # private numbers up to here, and as far below the curve's order, are tried


def check(read: ReadRequest) -> None:
    """Raises WeakExponent or WeakKey. SM2 keys were checked by what read them."""
    rules.check_exponent(read.key)
    key = read.public_key
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key.public_numbers())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        _check_point(key)


def has_blocklist() -> bool:
    """Has the operator put badkeys' list of leaked keys where badkeys looks for it?"""
    return all(map(os.path.isfile, _list_files(os.environ.get("XDG_CACHE_HOME"))))


def _check_rsa(numbers: rsa.RSAPublicNumbers) -> None:
    modulus = numbers.n
    if modulus.bit_length() < LEAST_RSA:
        raise WeakKey(flaw=gettext_noop("too short"))
    if modulus % 2 == 0:
        raise WeakKey(flaw=gettext_noop("even modulus"))
    _refuse_found(badkeys.checkrsa(modulus, e=numbers.e, checks=(*BADKEYS, *_listed())))
    if gmpy2.is_power(modulus):
        raise WeakKey(flaw=gettext_noop("power of a prime"))
    if gmpy2.powmod(2, modulus - 1, modulus) == 1:  # then n-1 is known, and with it the private exponent
        raise WeakKey(flaw=gettext_noop("prime modulus"))


def _check_point(key: ec.EllipticCurvePublicKey) -> None:
    """cryptography has checked that the point is on its curve; whose cofactor is 1, so in the group too."""
    x = key.public_numbers().x
    if x in _tiny(key.curve.name):
        raise WeakKey(flaw=gettext_noop("tiny private number"))
    if listed := _listed():
        _refuse_found(badkeys.checkall(x, checks=listed))


@cache
def _tiny(curve: str) -> frozenset[int]:
    """x of k times the base point for k up to TINY; minus k has the same."""
    parameters = _CURVES.get(curve)
    return frozenset(_multiples(*parameters)) if parameters else frozenset()


def _multiples(prime: int, a: int, base: tuple[int, int]) -> Iterable[int]:
    """x of 1, 2, … TINY times the base point, by adding it up (affine formulas, SEC 1 section 2.2.1)."""
    (x, y), (base_x, base_y) = base, base
    for _ in range(TINY):
        yield x
        if x == base_x:
            slope = (3 * x * x + a) * pow(2 * y, -1, prime)
        else:
            slope = (y - base_y) * pow(x - base_x, -1, prime)
        new_x = (slope * slope - x - base_x) % prime
        x, y = new_x, (slope * (x - new_x) - y) % prime


def _refuse_found(found: dict[str, object]) -> None:
    for name in found:
        raise WeakKey(flaw=FLAWS.get(name, name))


def _listed() -> tuple[str, ...]:
    # without its files badkeys would end the process
    return ("blocklist",) if has_blocklist() else ()


@cache
def _list_files(cache_home: str | None) -> tuple[str, str]:
    folder = os.path.join(cache_home or os.path.expanduser("~/.cache"), "badkeys")
    return os.path.join(folder, "blocklist.dat"), os.path.join(folder, "badkeysdata.json")


# prime, a, base point (SEC 2 version 2.0, sections 2.4.1, 2.4.2, 2.5.1)
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P384 = 2**384 - 2**128 - 2**96 + 2**32 - 1
_K256 = 2**256 - 2**32 - 977
_CURVES: dict[str, tuple[int, int, tuple[int, int]]] = {
    "secp256r1": (
        _P256,
        -3,
        (
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
    ),
    "secp384r1": (
        _P384,
        -3,
        (
            0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
            0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        ),
    ),
    "secp256k1": (
        _K256,
        0,
        (
            0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
            0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
        ),
    ),
}
