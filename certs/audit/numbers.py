"""Serial numbers: each ended once, none used twice; and keys: none certified for two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from django.db.models import Count, Min

from certs import building, rules
from certs.errors import ContentMismatch
from certs.issuing import reading, sweep
from certs.models import Authority, Certificate, CertificateRequest, CrossCertificate, SerialNumber
from consortium.core import clock
from consortium.core.models import Event

Found = Iterator[tuple[str, str, str]]


def check() -> Found:
    """Subject, code and text of everything wrong across certificates."""
    yield from _unended()
    yield from _ended_twice()
    yield from _used_twice()
    yield from _keys()
    yield from _without_event()


def _unended() -> Found:
    """Older than what may be under way, and neither certificate nor voided: the sweep did not run."""
    rows = sweep.unended().filter(allocated_at__lt=clock.now() - 2 * sweep.GRACE)
    open_ones = rows.filter(request__status=CertificateRequest.Status.APPROVED)
    waiting = set(open_ones.values_list("pk", flat=True)) | _authorities_serials()
    for serial in rows.exclude(pk__in=waiting).values_list("pk", flat=True):
        yield serial, "serial_open", "neither a certificate nor voided"


def _authorities_serials() -> set[str]:
    """As sweeping knows them, but for those that are unreadable: these are found under their own name."""
    found = set()
    for der in Authority.objects.values_list("der", flat=True):
        with suppress(ContentMismatch):
            found.add(building.serial_text(reading.serial_of(bytes(der))))
    return found


def _ended_twice() -> Found:
    voided = SerialNumber.objects.filter(voided_at__isnull=False)
    both = voided.filter(certificate__isnull=False) | voided.filter(cross_certificate__isnull=False)
    for serial in both.values_list("pk", flat=True):
        yield serial, "serial_voided", "voided, and a certificate as well"


def _used_twice() -> Found:
    """By the certificates' own octets, authorities' and cross-certificates among them."""
    used: Counter[str] = Counter()
    for model in (Certificate, CrossCertificate, Authority):
        for pk, der in model._default_manager.values_list("pk", "der").iterator():
            try:
                used[building.serial_text(reading.serial_of(bytes(der)))] += 1
            except ContentMismatch as error:
                yield f"{model._meta.model_name} {pk}", "unreadable", str(error)
    for serial, times in used.items():
        if times > 1:
            yield serial, "serial_twice", f"in {times} certificates"
    known = set(SerialNumber.objects.values_list("pk", flat=True).iterator())
    for serial in used.keys() - known:
        yield serial, "serial_unknown", "in a certificate, and never allocated"


def _keys() -> Found:
    groups = (
        Certificate.objects.values("spki_sha256")
        .annotate(
            times=Count("pk"),
            nodes=Count("node", distinct=True),
            holders=Count("holder", distinct=True),
            one_profile=Min("profile"),
            profiles=Count("profile", distinct=True),
        )
        .filter(times__gt=1)
    )
    for group in groups:
        alone = group["nodes"] + group["holders"] <= 1 and group["profiles"] == 1
        if not (alone and rules.profile(group["one_profile"]).keeps_key):
            yield group["spki_sha256"], "key_twice", f"certified {group['times']} times"
    authorities = Authority.objects.values("spki_sha256")
    for key in Certificate.objects.filter(spki_sha256__in=authorities).values_list("spki_sha256", flat=True):
        yield key, "key_of_authority", "an authority's key has an end entity's certificate"


def _without_event() -> Found:
    told = Event.objects.filter(
        action__in=("certificate.issued", "console_certificate.issued"), subject_type="certs.certificate"
    )
    known = set(told.values_list("subject_id", flat=True).iterator())
    for pk, serial in Certificate.objects.values_list("pk", "serial_id").iterator():
        if str(pk) not in known:
            yield serial, "event_missing", "issued without an event"
