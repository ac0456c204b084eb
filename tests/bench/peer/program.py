"""django-ca at the same work, in an environment of its own: ``python program.py WORK [COUNT]``.

Run by ``tests.bench.peer``; nothing of ours is imported here and nothing of django-ca's there. One JSON
object on the standard output says how many things were done in how many seconds. PEER_DATABASE (JSON:
Django's settings of a database that is there for this alone) and PEER_HOME (a folder for its keys) come by
environment.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import django
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from django.conf import settings

NAME = "peer"


def configure() -> None:
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": json.loads(os.environ["PEER_DATABASE"])},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_ca"],
        STORAGES={
            "django-ca": {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": os.environ["PEER_HOME"]},
            },
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        CA_DEFAULT_HOSTNAME="localhost:8000",
        CA_USE_CELERY=False,
        USE_TZ=True,
    )
    django.setup()
    from django.urls import include, path

    globals()["urlpatterns"] = [path("django_ca/", include("django_ca.urls"))]


def authority(*options: str) -> Any:
    """The CA under test: P-256, or what ``options`` of init_ca say."""
    from django.apps import apps
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command(
        "init_ca",
        *(options or ("--key-type=EC", "--elliptic-curve=secp256r1")),
        NAME,
        "CN=Peer",
        stdout=sys.stderr,
    )
    return apps.get_model("django_ca", "CertificateAuthority").objects.get(name=NAME)


def requests(count: int) -> list[bytes]:
    def one(number: int) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"node-{number}.example")])
        key = ec.generate_private_key(ec.SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return csr.public_bytes(serialization.Encoding.DER)

    return [one(number) for number in range(count)]


def issue(ca: Any, raw: bytes, number: int = 0) -> Any:
    """From the bytes of a CSR to the stored certificate, committed by itself."""
    from django.apps import apps

    options = ca.key_backend.get_use_private_key_options(ca, {})
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"node-{number}.example")])
    manager = apps.get_model("django_ca", "Certificate").objects
    return manager.create_cert(ca, options, x509.load_der_x509_csr(raw), subject=subject)


def timed(work: Callable[[], int]) -> dict[str, float]:
    began = time.perf_counter()
    done = work()
    return {"done": done, "seconds": time.perf_counter() - began}


def issuing(ca: Any, count: int) -> dict[str, float]:
    raws = requests(count)
    issue(ca, requests(1)[0])  # caches are filled once

    def work() -> int:
        return sum(issue(ca, raw, number) is not None for number, raw in enumerate(raws))

    return timed(work)


def revocation_list(ca: Any, count: int) -> dict[str, float]:
    """``count`` entries: one certificate's row, copied, since how they came to be is not what is measured."""
    from django.apps import apps
    from django.utils import timezone

    model = apps.get_model("django_ca", "Certificate")
    pattern = issue(ca, requests(1)[0])
    now = timezone.now()
    rows = [
        model(
            ca=ca, pub=pattern.pub, csr=pattern.csr, cn="x", serial=f"{(1 << 140) + n:X}", revoked=True,
            not_before=pattern.not_before, not_after=pattern.not_after, revoked_date=now,
            revoked_reason="superseded", created=now, updated=now,
        )
        for n in range(count)
    ]  # fmt: skip
    model.objects.bulk_create(rows, batch_size=1000)
    lists = apps.get_model("django_ca", "CertificateRevocationList").objects
    options = ca.key_backend.get_use_private_key_options(ca, {})

    def work() -> int:
        made = lists.create_certificate_revocation_list(ca, options, next_update=now + timedelta(days=1))
        return len(x509.load_der_x509_crl(bytes(made.data)))

    return timed(work)


def status(ca: Any, count: int) -> dict[str, float]:
    """OCSP by POST through the view, without a server in between."""
    from django.test import RequestFactory
    from django.urls import resolve, reverse

    ca.generate_ocsp_key(ca.key_backend.get_use_private_key_options(ca, {}))
    certificate = issue(ca, requests(1)[0])
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate(certificate.pub.loaded, ca.pub.loaded, hashes.SHA1())  # noqa: S303  what clients send
    body = builder.build().public_bytes(serialization.Encoding.DER)
    address = reverse("django_ca:ocsp-cert-post", kwargs={"serial": ca.serial})
    view, args, kwargs = resolve(address)
    factory = RequestFactory()

    def ask() -> Any:
        request = factory.post(address, body, content_type="application/ocsp-request")
        return ocsp.load_der_ocsp_response(view(request, *args, **kwargs).content)

    if ask().certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise RuntimeError("the peer's responder does not answer")
    return timed(lambda: sum(ask().response_status is not None for _ in range(count)))


def hostile(ca: Any) -> dict[str, list[str]]:
    """Which of the CSRs on the standard input (a name and base64 a line) get a certificate."""
    issued = []
    for line in sys.stdin:
        name, encoded = line.split()
        try:
            issue(ca, base64.b64decode(encoded))
        except Exception as refusal:  # noqa: BLE001  whatever it is: nothing was issued
            print(name, type(refusal).__name__, file=sys.stderr)
        else:
            issued.append(name)
    return {"issued": issued}


def works(count: int) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    yield "issue-p256", lambda: issuing(authority(), count)
    yield "issue-rsa4096", lambda: issuing(authority("--key-type=RSA", "--key-size=4096"), count)
    yield "crl", lambda: revocation_list(authority(), count)
    yield "ocsp", lambda: status(authority(), count)
    yield "hostile", lambda: hostile(authority())


def main() -> int:
    configure()
    wanted, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found = dict(works(count))[wanted]()
    found["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
