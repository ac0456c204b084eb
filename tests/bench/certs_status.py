"""Revocation lists and OCSP answers: seconds and memory of a list, answers a second of one process.

Run as a program it builds one list of an authority, so that the memory is that of a process which does
nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

CHEAP = {"time_cost": 1, "memory_cost": 1024, "parallelism": 1}
PASSPHRASE = b"a passphrase for the length of one measurement"
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class ListFigures:
    """Build time from the rows to the signed DER (best of five), the whole process's peak, its size."""

    seconds: float
    memory_mib: float
    octets: int


def revocation_list(count: int) -> ListFigures:
    """A full list of ``count`` entries under a P-256 CA. Rows are committed."""
    from django.conf import settings
    from django.db import connection

    with _place() as home:
        authority = _authority(home)
        _revoked(authority, count)
        url = urlsplit(os.environ["DATABASE_URL"])
        environment = {
            **os.environ,
            "DATABASE_URL": urlunsplit(url._replace(path="/" + connection.settings_dict["NAME"])),
            "KEY_DIR": str(settings.KEY_DIR),
            "SIGNING_PASSPHRASE_FILE": str(settings.SIGNING_PASSPHRASE_FILE),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.certs_status", str(authority.pk), str(count)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    return ListFigures(**json.loads(done.stdout))


def signed_answers(count: int) -> float:
    """Answers a second, each with its client's nonce: from the request's octets to the response's, signed."""
    from certs.status import responding

    with _place() as home:
        ask = _asker(home, nonce=b"0123456789abcdef")
        return _rate(count, lambda request: responding.respond(request).der, ask)


def prepared_answers(count: int) -> float:
    """Answers a second of the prepared store, through the console's view, as the peer's through its own."""
    from django.test import RequestFactory

    from consortium.web import public

    factory = RequestFactory()

    def view(data: bytes) -> bytes:
        asked = factory.post("/pki/ocsp", data, content_type="application/ocsp-request")
        return public.status_answer(asked).content

    with _place() as home:
        return _rate(count, view, _asker(home, nonce=None))


def _rate(count: int, answer: Callable[[bytes], bytes], ask: tuple[bytes, Any]) -> float:
    """Every answer is read by the client's library, as the peer's are."""
    from cryptography.x509 import ocsp

    request, wanted = ask
    if ocsp.load_der_ocsp_response(answer(request)).certificate_status is not wanted:
        raise RuntimeError("the responder does not answer")
    began = time.perf_counter()
    for _ in range(count):
        response = ocsp.load_der_ocsp_response(answer(request))
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise RuntimeError("the responder stopped answering")
    return count / (time.perf_counter() - began)


@contextmanager
def _place() -> Iterator[Path]:
    """Folders and passphrases that the settings of this process point to."""
    import tempfile

    from django.test import override_settings

    with tempfile.TemporaryDirectory(prefix="console-bench-") as folder:
        home = Path(folder)
        for name in ("signing", "ocsp"):
            (home / name).write_bytes(PASSPHRASE + b"\n")
        with override_settings(
            KEY_DIR=home / "keys",
            PKI_DIR=home / "pki",
            SIGNING_PASSPHRASE_FILE=str(home / "signing"),
            OCSP_PASSPHRASE_FILE=str(home / "ocsp"),
            OCSP_SOCKET=home / "nobody-listens.sock",
        ):
            yield home


def _authority(home: Path) -> Any:
    """A P-256 CA for nodes, certified by itself: its own issuer is not what is measured."""
    from certs.models import Authority
    from tests.bench import certs_issuing

    certs_issuing.authority("P-256", home)
    return Authority.objects.latest("created_at")


def _certificates(authority: Any, count: int) -> list[Any]:
    from certs import building
    from certs.models import Certificate, SerialNumber
    from consortium.core import clock

    now = clock.now().replace(microsecond=0)
    serials = [building.serial_text(building.new_serial()) for _ in range(count)]
    SerialNumber.objects.bulk_create(
        (SerialNumber(serial=serial, authority=authority, allocated_at=now) for serial in serials),
        batch_size=5000,
    )
    return Certificate.objects.bulk_create(
        (
            Certificate(
                serial_id=serial,
                authority=authority,
                profile="evm-node",
                fingerprint_sha256=f"{serial:0>64}",
                spki_sha256="",
                subject="CN=bench",
                der=b"",
                not_before=now,
                not_after=now + timedelta(days=300),
                issued_at=now,
            )
            for serial in serials
        ),
        batch_size=5000,
    )


def _revoked(authority: Any, count: int) -> None:
    from certs.models import Revocation
    from certs.status import entries
    from consortium.core import clock

    now = clock.now().replace(microsecond=0)
    Revocation.objects.bulk_create(
        (
            Revocation(
                certificate=certificate,
                authority=authority,
                reason="superseded",
                revoked_by_label="bench",
                revoked_at=now,
                crl_entry=entries.encode(int(certificate.serial_id, 16), now, "superseded"),
                revision=1,
            )
            for certificate in _certificates(authority, count)
        ),
        batch_size=5000,
    )


def _asker(home: Path, nonce: bytes | None) -> tuple[bytes, Any]:
    """A request for one certificate, and the answer that it should get; the answer is prepared."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp as library

    from certs.status import delegation, ocsp, store

    authority = _authority(home)
    (certificate,) = _certificates(authority, 1)
    opened = delegation.ensure(authority)
    store.welcome(authority, opened)
    asked = ocsp.cert_id("sha1", opened.responder.issuer["sha1"], int(certificate.serial_id, 16))
    hashed = opened.responder.issuer["sha1"]
    from cryptography.hazmat.primitives import hashes

    builder = library.OCSPRequestBuilder().add_certificate_by_hash(
        hashed[:20],
        hashed[20:],
        int(certificate.serial_id, 16),
        hashes.SHA1(),  # noqa: S303
    )
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    request = builder.build().public_bytes(Encoding.DER)
    if asked not in request:
        raise RuntimeError("the library names the certificate in another way")
    return request, library.OCSPCertStatus.GOOD


def work(authority_id: str, count: int) -> None:
    """Build the list five times; print the figures."""
    import django

    django.setup()
    from cryptography import x509

    from certs.models import Authority
    from certs.status import listing, signing
    from consortium.core import clock

    authority = Authority.objects.get(pk=authority_id)
    signer = signing.of_authority(authority)
    now = clock.now().replace(microsecond=0)
    period = (now, now + timedelta(hours=24))
    best = float("inf")
    for number in range(1, 6):
        began = time.perf_counter()
        found = listing.entries_of(authority, None)
        made = listing.build(authority, None, number=number, validity=period, entries=found, signer=signer)
        best = min(best, time.perf_counter() - began)
    memory = _peak_mib()
    if len(x509.load_der_x509_crl(made)) != count:
        raise RuntimeError("the list is not complete")
    print(json.dumps({"seconds": best, "memory_mib": memory, "octets": len(made)}))


def _peak_mib() -> float:
    """The most memory that this program had. Not getrusage's: that starts from what our parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))
