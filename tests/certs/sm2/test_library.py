"""SM2 by OpenSSL: signatures, keys in and out, what is refused, and what it says where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.test import override_settings
from django.utils import translation

from certs.errors import SM2Failure
from certs.sm2 import library
from certs.sm2.library import PrivateKey, PublicKey
from tests.certs.openssl import openssl

DATA = b"settlement-1 of Heming Bank"
R_OF = slice(0, 36)  # of a DER signature: header and r, which depends on the nonce alone (and the data)


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def test_a_signature_holds_for_its_data_and_id_alone(key: PrivateKey) -> None:
    signature = key.sign(DATA)
    assert key.verifies(signature, DATA)
    assert not key.verifies(signature, DATA + b".")
    assert not key.verifies(signature, DATA, b"heming-bank")
    assert not PrivateKey.generate().verifies(signature, DATA)
    assert not key.verifies(b"no signature", DATA)
    assert key.verifies(key.sign(DATA, b"heming-bank"), DATA, b"heming-bank")


def test_no_two_signatures_of_the_same_bytes_share_a_nonce(key: PrivateKey) -> None:
    made = [key.sign(DATA) for _ in range(64)]
    assert all(key.verifies(signature, DATA) for signature in made)
    assert len({signature[R_OF] for signature in made}) == 64


def test_a_fork_does_not_repeat_its_parents_nonces(key: PrivateKey) -> None:
    """Signing workers fork: two that drew the same nonce for two contents would give the key away."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(there, key.sign(DATA).ljust(80, b"\0"))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(here, 80)
    os.close(here), os.close(there)
    assert theirs[R_OF] != key.sign(DATA)[R_OF]


def test_python_seeds_none_of_it() -> None:
    """With Python's own generator in the same state, keys and signatures still differ."""
    code = (
        "import random; random.seed(1)\n"
        "from django.conf import settings; settings.configure(SM2_PROPERTIES='', USE_I18N=False)\n"
        "from certs.sm2.library import PrivateKey\n"
        "k = PrivateKey.generate(); print(k.spki.hex(), k.sign(b'x').hex(), random.random())"
    )
    one, two = (_python(code).stdout.split() for _ in range(2))
    assert one[2] == two[2]
    assert one[0] != two[0]
    assert one[1] != two[1]


def test_openssl_takes_the_signature_and_the_key(key: PrivateKey, tmp_path: Path) -> None:
    for name, data in (("data", DATA), ("signature", key.sign(DATA)), ("public.der", key.spki)):
        (tmp_path / name).write_bytes(data)
    said = openssl(
        *("dgst", "-sm3", "-sigopt", "distid:1234567812345678", "-keyform", "DER"),
        *("-verify", str(tmp_path / "public.der"), "-signature", str(tmp_path / "signature")),
        str(tmp_path / "data"),
    )
    assert said.stdout == b"Verified OK\n"


def test_a_key_goes_out_and_comes_back(key: PrivateKey) -> None:
    again = PrivateKey.from_pkcs8(key.pkcs8())
    assert again.spki == key.spki
    assert PublicKey.from_spki(key.spki).verifies(again.sign(DATA), DATA)


def test_the_key_that_openssl_made_is_read(tmp_path: Path) -> None:
    private, public = _made_by_openssl(tmp_path, "-algorithm", "SM2")
    assert PrivateKey.from_pkcs8(private).spki == public


def test_threads_sign_side_by_side(key: PrivateKey) -> None:
    made: list[bool] = []

    def work() -> None:
        for number in range(20):
            data = DATA + bytes([number])
            made.append(key.verifies(key.sign(data), data) and not key.verifies(b"\x30\x00", data))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [True] * 160


@pytest.mark.parametrize("curve", ["P-256", "secp256k1"])
def test_another_curves_key_is_none_of_sm2(curve: str, tmp_path: Path) -> None:
    private, public = _made_by_openssl(tmp_path, "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
    with pytest.raises(SM2Failure, match="not an SM2 key"):
        PublicKey.from_spki(public)
    with pytest.raises(SM2Failure, match="not an SM2 key"):
        PrivateKey.from_pkcs8(private)


def test_broken_keys_are_refused_with_openssls_own_reason(key: PrivateKey) -> None:
    off = bytearray(key.spki)
    off[-1] ^= 1  # the point leaves the curve
    for broken in (b"", b"\x30\x00", key.spki[:-1], bytes(off)):
        with pytest.raises(SM2Failure, match="error:"):
            PublicKey.from_spki(broken)
    mismatched = bytearray(key.pkcs8())
    mismatched[-70 - 36] ^= 1  # inside the scalar: no longer the one of the point beside it
    for broken in (b"", key.pkcs8()[:-1], bytes(mismatched)):
        with pytest.raises(SM2Failure):
            PrivateKey.from_pkcs8(broken)


def test_it_is_here_and_says_so() -> None:
    assert library.available() == ""


def test_where_nobody_offers_sm2_it_says_so_in_both_languages() -> None:
    with override_settings(SM2_PROPERTIES="provider=nobody"):
        with translation.override("en"):
            assert library.available().startswith("this OpenSSL has no SM2: error:")
        with pytest.raises(SM2Failure):
            PrivateKey.generate()
    assert library.available() == ""


def test_an_openssl_without_the_default_provider_has_no_sm2(tmp_path: Path) -> None:
    """A process whose libcrypto really lacks it: nothing but the base provider (encodings) is loaded."""
    config = tmp_path / "openssl.cnf"
    config.write_text("openssl_conf=a\n[a]\nproviders=b\n[b]\nbase=c\n[c]\nactivate=1\n")
    code = (
        "from django.conf import settings; settings.configure(SM2_PROPERTIES='', USE_I18N=False)\n"
        "from certs.sm2 import library; print(library.available())"
    )
    said = _python(code, OPENSSL_CONF=str(config)).stdout
    assert said.startswith("this OpenSSL has no SM2: error:")
    assert "unsupported" in said
    assert _python(code).stdout.strip() == ""


def _made_by_openssl(home: Path, *options: str) -> tuple[bytes, bytes]:
    """A private key (PKCS#8) and its public one, both DER."""
    file = str(home / "key")
    openssl("genpkey", *options, "-out", file)
    private = openssl("pkcs8", "-topk8", "-nocrypt", "-in", file, "-outform", "DER")
    return private.stdout, openssl("pkey", "-in", file, "-pubout", "-outform", "DER").stdout


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment
    )
