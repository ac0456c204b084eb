"""Weak keys, real ones: each is made by arithmetic, and so is the signature that proves possession of it."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import pytest
from badkeys.allkeys import block
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import gate
from certs.errors import WeakExponent, WeakKey
from certs.gate import weak
from certs.rules import ReadRequest
from tests.certs import hostile

FLAWS = {
    "close-primes": "close primes",
    "roca": "ROCA",
    "small-factor": "small factors",
    "prime-modulus": "prime modulus",
    "square": "close primes",
}
CURVES = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1(), "secp256k1": ec.SECP256K1()}


def read(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> ReadRequest:
    """As the gate would have read it."""
    return ReadRequest(b"", b"", key, gate.key_facts(key), gate.fingerprint(key), {})


@pytest.mark.parametrize("bits", [2048, 3072])
@pytest.mark.parametrize("name", FLAWS)
def test_a_modulus_that_anybody_can_factor_is_refused(name: str, bits: int) -> None:
    request = gate.read(hostile.rsa_request(*hostile.weak_rsa_keys(bits)[name]))
    with pytest.raises(WeakKey) as refusal:
        weak.check(request)
    assert refusal.value.params["flaw"] == FLAWS[name]


@pytest.mark.parametrize("name", ["exponent-3", "exponent-65539"])
def test_any_exponent_but_65537_is_refused(name: str) -> None:
    request = gate.read(hostile.rsa_request(*hostile.weak_rsa_keys(2048)[name]))
    with pytest.raises(WeakExponent):
        weak.check(request)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("number", [1, 2, 3, 1000, weak.TINY])
@pytest.mark.parametrize("below_the_order", [False, True])
def test_a_key_made_by_counting_is_refused(curve: str, number: int, below_the_order: bool) -> None:
    orders = {
        "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        "secp384r1": int(
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
            "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
            16,
        ),
        "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    }
    private = orders[curve] - number if below_the_order else number
    key = ec.derive_private_key(private, CURVES[curve]).public_key()
    with pytest.raises(WeakKey) as refusal:
        weak.check(read(key))
    assert refusal.value.params["flaw"] == "tiny private number"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(CURVES)), st.integers(2**200, 2**255))
def test_other_points_are_taken(curve: str, private: int) -> None:
    weak.check(read(ec.derive_private_key(private, CURVES[curve]).public_key()))


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_sound_rsa_keys_are_taken(bits: int) -> None:
    weak.check(read(rsa.generate_private_key(65537, bits).public_key()))


def test_short_rsa_is_weak_whatever_a_profile_says() -> None:
    modulus, exponent, _private = hostile.short_rsa_key(1536)
    with pytest.raises(WeakKey):
        weak.check(read(rsa.RSAPublicNumbers(exponent, modulus).public_key()))


@settings(max_examples=60, deadline=None)
@given(st.integers(2**2047, 2**2048 - 1))
def test_numbers_that_are_no_product_of_two_primes_raise_nothing_else(modulus: int) -> None:
    """Most such have a small factor; what has none passes, since nobody can tell without factoring it."""
    try:
        key = rsa.RSAPublicNumbers(65537, modulus).public_key()
    except ValueError:  # even: cryptography refuses it already, as malformed
        assert modulus % 2 == 0
        return
    with contextlib.suppress(WeakKey):
        weak.check(read(key))


def test_badkeys_is_asked_for_nothing_that_it_would_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the files of its list of leaked keys it would end the process; so it is not asked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not weak.has_blocklist()
    weak.check(read(ec.derive_private_key(2**251 + 9, ec.SECP256R1()).public_key()))


def test_a_key_on_the_operators_list_of_leaked_keys_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list in badkeys' own form: truncated hashes, sorted, with the number of their source."""
    leaked, sound = (ec.derive_private_key(2**250 + n, ec.SECP256R1()).public_key() for n in (1, 2))
    x = leaked.public_numbers().x
    entry = hashlib.sha256(x.to_bytes((x.bit_length() + 7) // 8, "big")).digest()[:15] + b"\x07"
    (tmp_path / "badkeys").mkdir()
    (tmp_path / "badkeys" / "blocklist.dat").write_bytes(entry)
    (tmp_path / "badkeys" / "badkeysdata.json").write_text('{"blocklists": [{"id": 7, "name": "demo"}]}')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(block, "_cachedir", lambda: str(tmp_path / "badkeys"))
    monkeypatch.setattr(block, "_blmeta", False)
    monkeypatch.setattr(block, "_bldata", False)
    weak.check(read(sound))
    with pytest.raises(WeakKey) as refusal:
        weak.check(read(leaked))
    assert refusal.value.params["flaw"] == "private key is public"
