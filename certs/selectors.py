"""What is there to see: requests, certificates, chains, who may present one."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from certs import life
from certs.errors import (
    ExpiredCertificate,
    NoAuthority,
    RevokedCertificate,
    SuspendedCertificate,
    UnknownCertificate,
)
from certs.models import (
    Authority,
    Certificate,
    CertificateRequest,
    CrossCertificate,
    Profile,
    Reminder,
    Revocation,
    RevocationList,
    Suspension,
)
from certs.rules import EXPIRES_SOON
from certs.status import freshness
from consortium.core import clock
from consortium.members.models import Network, Node, User

# Of a node's certificates: what it signs with before what others encrypt to, both behind any other.
_SM_LAST = Case(
    When(profile=Profile.FISCO_BCOS_3_SM, then=1),
    When(profile=Profile.FISCO_BCOS_3_SM_ENC, then=2),
    default=0,
)


def requests_for(user: User) -> QuerySet[CertificateRequest]:
    """Requests that ``user`` may see: a member's own, everybody's for secretariat and regulator."""
    rows = CertificateRequest.objects.select_related(
        "institution", "node", "node__institution", "requested_by", "decided_by", "certificate"
    )
    if user.is_secretariat or user.is_regulator:
        return rows
    return rows.filter(institution=user.institution) if user.is_member else rows.none()


def certificates_for(user: User) -> QuerySet[Certificate]:
    """Certificates that ``user`` may see; likewise."""
    rows = Certificate.objects.select_related(
        "institution", "node", "node__institution", "authority", "revocation"
    )
    if user.is_secretariat or user.is_regulator:
        return rows
    return rows.filter(institution=user.institution) if user.is_member else rows.none()


def issuing_authority(
    purpose: Authority.Purpose | str = Authority.Purpose.NODES, now: datetime | None = None
) -> Authority:
    """The CA that signs for ``purpose``: the newest whose time has come. Raises :class:`NoAuthority`."""
    now = now or clock.now()
    found = (
        Authority.objects.filter(kind=Authority.Kind.ISSUING, purpose=purpose, issues_from__lte=now)
        .select_related("parent")
        .order_by("-issues_from", "-created_at")
        .first()
    )
    if found is None:
        raise NoAuthority
    return found


def chain_pem(certificate: Certificate) -> str:
    """The leaf, the issuing CA and the root, PEM, in that order: what a node's TLS configuration wants."""
    return pem(certificate.der) + authority_chain_pem(certificate.authority)


def authority_chain_pem(authority: Authority) -> str:
    """An authority's certificate and those above it, PEM.

    Cross-certificates of a root come before the root itself: who trusts only an older one gets there by them.
    """
    chain, current = "", authority
    while current.parent is not None:
        chain += pem(current.der)
        current = current.parent
    return chain + "".join(map(pem, bridges(current))) + pem(current.der)


def bridges(root: Authority) -> list[bytes]:
    """The cross-certificates by which older roots vouch for this one, those that still hold; DER."""
    rows = CrossCertificate.objects.filter(subject=root, not_after__gt=clock.now())
    older = rows.filter(issuer__created_at__lt=root.created_at)
    return [bytes(der) for der in older.order_by("created_at").values_list("der", flat=True)]


def trust_pem(purpose: Authority.Purpose = Authority.Purpose.NODES) -> str:
    """Every authority of that purpose that is still valid, the one that issues now first; then the roots.

    What a TLS peer needs to accept certificates of all generations, also while none issues because its root
    revoked it. Raises :class:`NoAuthority` where there is none at all.
    """
    now = clock.now()
    living = Authority.objects.filter(not_after__gt=now)
    rows = list(living.filter(kind=Authority.Kind.ISSUING, purpose=purpose).order_by("-issues_from"))
    if not rows:
        raise NoAuthority
    rows.sort(key=lambda row: row.issues_from > now)
    roots = list(living.filter(purpose=Authority.Purpose.ROOT).order_by("-created_at"))
    roots.sort(key=lambda root: root.pk != rows[0].parent_id)
    return "".join(pem(row.der) for row in (*rows, *roots))


def pem(der: bytes | memoryview) -> str:
    """A DER certificate as PEM."""
    return x509.load_der_x509_certificate(bytes(der)).public_bytes(Encoding.PEM).decode()


def valid_certificates(now: datetime) -> QuerySet[Certificate]:
    """Certificates that are within their period, not revoked and not suspended."""
    within = Certificate.objects.filter(not_before__lte=now, not_after__gte=now, revocation__isnull=True)
    return within.filter(~on_hold())


def on_hold() -> Exists:
    """Of a query for certificates: is it suspended? Lists annotate it as ``held``."""
    return Exists(Suspension.objects.filter(certificate=OuterRef("pk"), released_at__isnull=True))


def state(certificate: Certificate, now: datetime) -> str:
    """One of :data:`certs.life.STATES`; without a query where revocation and ``held`` came along."""
    held = getattr(certificate, "held", None)
    if held is None:
        held = certificate.suspensions.filter(released_at__isnull=True).exists()
    revoked = hasattr(certificate, "revocation")
    return life.state(now, certificate.not_after, revoked=revoked, held=held)


def succeeded(now: datetime) -> Q:
    """Of a query for certificates: is a later one of the same profile valid, for the same node or holder?

    A service of the console is known by its subject. Three questions, since each has an index and their sum
    has none.
    """
    later = valid_certificates(now).filter(not_after__gt=OuterRef("not_after"), profile=OuterRef("profile"))
    of_console = later.filter(node__isnull=True, holder__isnull=True, subject=OuterRef("subject"))
    return (
        Q(Exists(later.filter(node=OuterRef("node"))))
        | Q(Exists(later.filter(holder=OuterRef("holder"))))
        | Q(Exists(of_console))
    )


def valid_certificate_of(node: Node, now: datetime) -> Certificate | None:
    """The node's newest valid certificate; one of 国密 only where it has no other."""
    return valid_certificates(now).filter(node=node).order_by(_SM_LAST, "-issued_at").first()


def valid_node_certificates(network: Network | str, now: datetime) -> dict[uuid.UUID, Certificate]:
    """Each node's newest valid certificate on ``network``, by node id; one query.

    One of 国密 only where it has no other: a pair that is asked for beside the certificate that lists know
    the node by must not take that one's place in them.
    """
    newest = (
        valid_certificates(now)
        .filter(node__network=network)
        .order_by("node_id", _SM_LAST, "-issued_at")
        .distinct("node_id")
        .select_related("node")
    )
    return {certificate.of_node.pk: certificate for certificate in newest}


def authenticate(der: bytes, now: datetime) -> Certificate:
    """The certificate row for what a TLS peer presented.

    The bytes are compared with what we issued, so the chain and the signature need no second look (TLS has
    proved that the peer holds the key). Raises UnknownCertificate, RevokedCertificate, SuspendedCertificate,
    ExpiredCertificate.
    """
    fingerprint = hashlib.sha256(der).hexdigest()
    rows = Certificate.objects.select_related("node", "node__network", "institution", "revocation")
    found = rows.filter(fingerprint_sha256=fingerprint).annotate(held=on_hold()).first()
    if found is None or bytes(found.der) != der:
        raise UnknownCertificate
    if hasattr(found, "revocation"):
        raise RevokedCertificate(serial=found.serial_id)
    if found.held:
        raise SuspendedCertificate(serial=found.serial_id)
    if not found.not_before <= now <= found.not_after:
        raise ExpiredCertificate(
            serial=found.serial_id,
            not_before=found.not_before.isoformat(),
            not_after=found.not_after.isoformat(),
        )
    return found


def expiring(within: timedelta = EXPIRES_SOON, now: datetime | None = None) -> QuerySet[Certificate]:
    """Valid certificates that end ``within`` from now and have no successor; soonest first.

    Nobody needs one for a node that is retired or an account that is switched off.
    """
    now = now or clock.now()
    return (
        valid_certificates(now)
        .filter(~succeeded(now), not_after__lt=now + within, node__retired_at__isnull=True)
        .exclude(holder__is_active=False)
        .select_related("institution", "node", "node__institution", "holder")
        .order_by("not_after")
    )


def ending_authorities(within: timedelta, now: datetime) -> QuerySet[Authority]:
    """Authorities that end ``within`` from now and have no later one for their purpose; soonest first."""
    later = Authority.objects.filter(purpose=OuterRef("purpose"), not_after__gt=OuterRef("not_after"))
    ending = Authority.objects.filter(~Exists(later), not_after__gte=now, not_after__lt=now + within)
    return ending.order_by("not_after")


def reminders(now: datetime) -> QuerySet[Reminder]:
    """What was recorded, sent or not, and still holds at ``now``: each thing's nearest step, soonest first.

    A certificate that was renewed, revoked, suspended or has ended needs none any more.
    """
    always = timedelta(days=36525)
    nearer = Reminder.objects.filter(days__lt=OuterRef("days"))
    of_same = Q(certificate=OuterRef("certificate")) | Q(authority=OuterRef("authority"))
    holds = Q(certificate__in=expiring(always, now).values("pk")) | Q(
        authority__in=ending_authorities(always, now).values("pk")
    )
    return (
        Reminder.objects.filter(~Exists(nearer.filter(of_same)), holds)
        .select_related(
            "certificate__institution", "certificate__node__institution", "certificate__holder", "authority"
        )
        .order_by(Coalesce("certificate__not_after", "authority__not_after"))
    )


def reminders_for(user: User, now: datetime) -> QuerySet[Reminder]:
    """Of :func:`reminders`, a member sees its institution's, secretariat and regulator all."""
    rows = reminders(now)
    if user.is_secretariat or user.is_regulator:
        return rows
    return rows.filter(certificate__institution=user.institution) if user.is_member else rows.none()


def crl_times(rows: Iterable[Revocation]) -> dict[uuid.UUID, datetime | None]:
    """When the lists that carry each revocation were signed, by certificate; one query. None: not all yet.

    Both count: the full one, and the part that the certificate names (a root has no parts).
    """
    lists = RevocationList.objects.filter(
        authority=OuterRef("authority"), revision__gte=OuterRef("listed_from")
    ).order_by("number")
    found = Revocation.objects.filter(pk__in=[row.pk for row in rows]).annotate(
        whole=Subquery(lists.filter(shard=None).values("this_update")[:1]),
        part=Subquery(lists.filter(shard=OuterRef("shard")).values("this_update")[:1]),
        of_root=Q(authority__kind=Authority.Kind.ROOT),
    )
    times = found.values_list("pk", "revoked_at", "whole", "part", "of_root")
    return {pk: _later(since, whole, whole if of_root else part) for pk, since, whole, part, of_root in times}


def _later(since: datetime, *published: datetime | None) -> datetime | None:
    """The last of them; lists hold whole seconds, so one may seem to be older than what it carries."""
    known = [at for at in published if at is not None]
    return max(since, *known) if len(known) == len(published) else None


def newest_crl(authority: Authority, shard: int | None = None) -> RevocationList | None:
    """The authority's latest CRL: the full one, or a part's."""
    return authority.crls.filter(shard=shard).order_by("-number").first()


def stale_crls(now: datetime) -> list[Authority]:
    """Authorities with a list, full or in parts, that has run out or was not renewed when it was time.

    Once it runs out, relying parties refuse every certificate of theirs. An authority that has itself ended
    needs none.
    """
    late = {f.authority.pk for f in freshness.lists(now) if f.state is not freshness.State.FRESH}
    return list(Authority.objects.filter(pk__in=late))
