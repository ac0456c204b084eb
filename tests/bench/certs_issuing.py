"""Certificates a second: approved requests in the database, in the end certificates stored.

Each request goes the whole way: read again with its signature, weak keys, names, standing, serial number
committed, built, inspected (and linted by pkilint), intent committed, signed, compared, verified, stored with
its event. Run as a program it is one signing worker of several.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

CHEAP = {"time_cost": 1, "memory_cost": 1024, "parallelism": 1}
PASSPHRASE = b"a passphrase for the length of one measurement"
ROOT = Path(__file__).resolve().parent.parent.parent


def rate(count: int, *, key: str = "P-256", lint: bool, workers: int = 1) -> float:
    """Certificates a second that ``workers`` processes issue under a CA with ``key`` (P-256 or RSA-4096).

    Rows are committed: for a database made for the measurement. Imports, the sealed key and pkilint's own
    preparation come before the clock starts, as they do once in a worker's life.
    """
    from certs.models import Certificate, CertificateRequest

    with signing_place() as home:
        authority(key, home)
        approve(workers)  # one certificate each to warm up with
        with _started(workers, lint) as processes:
            approve(count)
            before = Certificate.objects.count()
            began = time.perf_counter()
            for process in processes:
                _say(process, "go")
            for process in processes:
                _hear(process, "done")
            seconds = time.perf_counter() - began
    issued = Certificate.objects.count() - before
    left = CertificateRequest.objects.filter(status="approved").count()
    if issued != count or left:
        raise RuntimeError(f"{issued} of {count} certificates were issued, {left} requests are left")
    return issued / seconds


@contextmanager
def signing_place() -> Iterator[Path]:
    """A folder for keys that the settings of this process, and of those it starts, point to."""
    from django.test import override_settings

    with tempfile.TemporaryDirectory(prefix="console-bench-") as folder:
        home = Path(folder)
        (home / "passphrase").write_bytes(PASSPHRASE + b"\n")
        places = {"KEY_DIR": home / "keys", "PKI_DIR": home / "pki"}
        with override_settings(SIGNING_PASSPHRASE_FILE=str(home / "passphrase"), **places):
            yield home


def authority(key: str, home: Path) -> None:
    """A CA for nodes that issues from now on, certified by itself: its own issuer is not what is measured."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    from certs import building, gate, keys, rules
    from certs.models import Authority
    from consortium.core import clock
    from tests.certs import composing

    name = f"bench-{Authority.objects.count()}"
    private = (
        rsa.generate_private_key(65537, 4096)
        if key == "RSA-4096"
        else ec.generate_private_key(ec.SECP256R1())
    )
    keys.seal(name, private, PASSPHRASE, cost=CHEAP)
    subject = composing.authority_subject("Bench", name)
    validity = rules.period(clock.now() - timedelta(minutes=1), timedelta(days=3000), None)
    public = private.public_key()
    extensions = composing.authority_extensions(public)
    builder = composing.compose(
        subject=subject, public_key=public, issuer=subject, serial=building.new_serial(),
        validity=validity, extensions=extensions,
    )  # fmt: skip
    signed = builder.sign(private, building.hash_for(private))
    Authority.objects.create(
        name=name, kind=Authority.Kind.ISSUING, purpose=Authority.Purpose.NODES,
        der=signed.public_bytes(Encoding.DER), key_name=name, spki_sha256=gate.fingerprint(public),
        not_before=validity[0], not_after=validity[1], created_at=clock.now(),
    )  # fmt: skip


def approve(count: int) -> None:
    """That many approved requests with P-256 keys, each of a node of its own; straight into the tables."""
    from certs import gate
    from certs.models import CertificateRequest, Profile, SeenKey
    from consortium.core import clock
    from consortium.members.models import Node
    from tests.factories import InstitutionFactory, NodeFactory, UserFactory

    bank = InstitutionFactory(active=True)
    officer, clerk = UserFactory(institution=bank), UserFactory(role="secretariat", institution=None)
    network = NodeFactory(institution=bank).network
    made = NodeFactory.build_batch(count, institution=bank, network=network)
    nodes = Node.objects.bulk_create(made)
    now = clock.now()
    requests = []
    for node in nodes:
        read = gate.read(csr())
        requests.append(
            CertificateRequest(
                institution=bank,
                node=node,
                profile=Profile.EVM_NODE,
                csr=read.der,
                status="approved",
                spki_sha256=read.spki_sha256,
                key_description=str(read.key),
                requested_by=officer,
                requested_at=now,
                decided_by=clerk,
                decided_at=now,
            )
        )
    CertificateRequest.objects.bulk_create(requests)
    SeenKey.objects.bulk_create(
        SeenKey(spki_sha256=request.spki_sha256, request=request, seen_at=now) for request in requests
    )


def csr() -> bytes:
    """A request with a new P-256 key and no names: the member's record decides them."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


@contextmanager
def _started(workers: int, lint: bool) -> Iterator[list[subprocess.Popen[str]]]:
    processes = [_worker(lint) for _ in range(workers)]
    try:
        for process in processes:
            _hear(process, "ready")
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _worker(lint: bool) -> subprocess.Popen[str]:
    from django.conf import settings
    from django.db import connection

    url = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(url._replace(path="/" + connection.settings_dict["NAME"]))
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "KEY_DIR": str(settings.KEY_DIR),
        "PKI_DIR": str(settings.PKI_DIR),
        "SIGNING_PASSPHRASE_FILE": settings.SIGNING_PASSPHRASE_FILE,
        "LINT_CERTIFICATES": "1" if lint else "0",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.certs_issuing"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    heard = process.stdout.readline().strip()
    if heard != word:
        raise RuntimeError(f"a worker said {heard!r} instead of {word!r}")


def work() -> None:
    """One worker: warm up with a certificate, say so, wait for the word, and issue until nothing is left."""
    import django

    django.setup()
    from certs import issuing

    if not issuing.issue_some(limit=1).issued:
        raise RuntimeError("nothing was issued to warm up")
    print("ready", flush=True)
    sys.stdin.readline()
    profile = os.environ.get("BENCH_PROFILE")
    if profile:
        import cProfile

        profiler = cProfile.Profile()
        profiler.enable()
    while issuing.issue_some().taken:
        pass
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    print("done", flush=True)


if __name__ == "__main__":
    work()
