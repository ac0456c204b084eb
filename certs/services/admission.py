"""Steps 4 to 6 of the gate: what a request means against the record. Called under lock, inside a transaction.

The order matters, and so does what each step may reveal: up to step 4 nothing but request and key is spoken
of; from step 5 on only to somebody who may know of the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from django.conf import settings
from django.db.models import Count, Q

from certs import building, rules
from certs.errors import (
    CompromisedKey,
    HolderInactive,
    InstitutionNotActive,
    KeySeenBefore,
    NodeRetired,
    RenewalNeedsApproval,
    RenewalNotOpen,
    RenewalOfAnother,
    RequestAlreadyOpen,
)
from certs.models import Authority, Certificate, CertificateRequest, RevocationReason, SeenKey
from certs.profiles import ProfileSpec
from certs.rules import Limit, ReadRequest
from certs.services import renewal
from consortium.core.errors import NotAllowed
from consortium.core.events import Actor
from consortium.members.models import Institution, Node, User
from consortium.members.permissions import require_officer_or_secretariat
from consortium.members.states import Status as InstitutionStatus

RequestStatus = CertificateRequest.Status
OPEN = (RequestStatus.SUBMITTED, RequestStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class Subject:
    """For whom: a node, or an account that is a person's or a program's."""

    institution: Institution
    node: Node | None = None
    holder: User | None = None

    def __str__(self) -> str:
        return str(self.node or self.holder)

    @property
    def row(self) -> Node | User | Institution:
        """What its events are about."""
        return self.node or self.holder or self.institution

    @property
    def name(self) -> str:
        """What the certificate calls it."""
        return self.node.name if self.node else self.holder.get_username() if self.holder else ""

    @property
    def urn(self) -> str:
        if self.node:
            return building.node_urn(self.node)
        return building.holder_urn(self.holder) if self.holder else ""

    @property
    def own_names(self) -> dict[str, tuple[str, ...]]:
        """What a request may call it, by kind; the first of each is the one that the certificate has."""
        member = self.institution
        common = [self.name]
        alternatives = [self.urn]
        if self.node:
            common.append(f"{member.short_name}/{self.name}")
            alternatives.append(self.node.host)
        elif self.holder:
            common.append(self.holder.get_full_name())
            alternatives.append(self.holder.email)
        names = {
            "CN": common,
            "O": [member.short_name, member.legal_name_en, member.legal_name_zh],
            "SAN": alternatives,
        }
        return {kind: tuple(filter(None, accepted)) for kind, accepted in names.items()}

    @property
    def rows(self) -> Q:
        """Its rows in tables that have a node and a holder."""
        return Q(node=self.node) if self.node else Q(holder=self.holder)


def subject_of(request: CertificateRequest) -> Subject:
    """As the record says it now. Raises HolderInactive where the account has no institution any more."""
    holder = request.holder
    if holder is not None and holder.institution_id != request.institution_id:
        raise HolderInactive(holder=holder.get_username())
    return Subject(request.institution, request.node, holder)


# --- Step 4: seen before ------------------------------------------------------------------------------------
def check_unseen(read: ReadRequest, spec: ProfileSpec, owner: Subject | None) -> None:
    """No key that ever passed here, nor that any certificate or authority has.

    ``owner``: for whom it is, where the actor is entitled to know of it: with a profile that keeps its key
    it may come again with the key of its own certificates. Raises KeySeenBefore, CompromisedKey.
    """
    key = read.spki_sha256
    if not _is_seen(key):
        return
    if owner is None or not spec.keeps_key or not _is_own(key, owner):
        raise KeySeenBefore
    check_not_revoked(key)


def check_not_revoked(spki_sha256: str) -> None:
    """Raises CompromisedKey where a certificate of that key was revoked for keyCompromise, KeySeenBefore
    where one was revoked for anything else: what was taken back does not return by asking again.
    """
    revoked = Certificate.objects.filter(spki_sha256=spki_sha256, revocation__isnull=False)
    reasons = set(revoked.values_list("revocation__reason", flat=True))
    if RevocationReason.KEY_COMPROMISE in reasons:
        raise CompromisedKey
    if reasons:
        raise KeySeenBefore


def _is_seen(key: str) -> bool:
    seen = SeenKey.objects.filter(pk=key).values("pk")
    certified = Certificate.objects.filter(spki_sha256=key).values("spki_sha256")
    authority = Authority.objects.filter(spki_sha256=key).values("spki_sha256")
    return seen.union(certified, authority).exists()


def _is_own(key: str, owner: Subject) -> bool:
    """Every certificate and request with that key is the owner's, at least one of them issued."""
    theirs = Certificate.objects.filter(spki_sha256=key)
    if Authority.objects.filter(spki_sha256=key).exists() or theirs.exclude(owner.rows).exists():
        return False
    asked = CertificateRequest.objects.filter(spki_sha256=key)
    return theirs.exists() and not asked.exclude(owner.rows).exists()


# --- Step 5: whose ------------------------------------------------------------------------------------------
def is_entitled(subject: Subject, actor: Actor) -> bool:
    """May ``actor`` know of the subject and act for it?"""
    if isinstance(actor, User) and not actor.is_secretariat:
        return actor.is_member and actor.institution_id == subject.institution.pk
    return True


def check_owner(subject: Subject, spec: ProfileSpec, actor: Actor) -> None:
    """Raises NotFound, NotAllowed; one's own certificate as an officer is for oneself to ask for."""
    require_officer_or_secretariat(actor, subject.institution)
    if not spec.in_person or subject.holder is None or actor.pk == subject.holder.pk:
        return
    if isinstance(actor, User) and not actor.is_secretariat:
        raise NotAllowed


def check_standing(subject: Subject) -> None:
    """Raises InstitutionNotActive, NodeRetired or HolderInactive: asked at request, approval and signing."""
    institution = subject.institution
    if institution.status != InstitutionStatus.ACTIVE:
        raise InstitutionNotActive(
            institution=institution.short_name, status=institution.get_status_display()
        )
    if subject.node and subject.node.retired_at is not None:
        raise NodeRetired(node=str(subject.node))
    if subject.holder and not subject.holder.is_member:
        raise HolderInactive(holder=subject.holder.get_username())


def check_none_open(subject: Subject, spec: ProfileSpec) -> None:
    """Raises RequestAlreadyOpen."""
    if CertificateRequest.objects.filter(subject.rows, profile=spec.name, status__in=OPEN).exists():
        raise RequestAlreadyOpen(subject=str(subject))


def check_renewal(renews: Certificate, subject: Subject, spec: ProfileSpec, now: datetime) -> None:
    """``renews`` (locked) is the subject's, of this profile, and its time has come.

    Raises RenewalOfAnother, RenewalNotOpen.
    """
    same = (
        renews.profile == spec.name
        and renews.institution_id == subject.institution.pk
        and renews.node_id == (subject.node.pk if subject.node else None)
        and renews.holder_id == (subject.holder.pk if subject.holder else None)
    )
    if not same:
        raise RenewalOfAnother(serial=renews.serial_id)
    state = renewal.renewal_state(renews, now)
    if not state.is_open:
        raise _not_open(renews, state)


def check_proof(request: CertificateRequest, subject: Subject, now: datetime) -> None:
    """Nobody but the certificate that it follows approved ``request``: does that one still stand for it?

    Asked before the signature, for which it may have waited for hours: by then its predecessor may be revoked
    or on hold, and the record may say another name. That it has run out meanwhile takes nothing back.
    Raises RenewalNotOpen, RenewalNeedsApproval, RenewalOfAnother.
    """
    renews = request.renews
    if renews is None:
        raise RenewalOfAnother(serial="–")
    state = renewal.renewal_state(renews, now)
    if state.obstacle:
        raise _not_open(renews, state)
    check_unchanged(renews, subject, rules.profile(request.profile))


def _not_open(renews: Certificate, state: renewal.Renewal) -> RenewalNotOpen:
    opens = state.opens_at.isoformat("T", "seconds")
    return RenewalNotOpen(serial=renews.serial_id, why=str(state.why or state.label), opens=opens)


def check_unchanged(renews: Certificate, subject: Subject, spec: ProfileSpec) -> None:
    """Would the successor say the same as ``renews`` does? Raises RenewalNeedsApproval."""
    before = x509.load_der_x509_certificate(bytes(renews.der))
    names = before.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    now = spec.subject(subject.name, subject.institution.short_name)
    if before.subject != now or list(names) != [x509.UniformResourceIdentifier(subject.urn)]:
        raise RenewalNeedsApproval(subject=str(subject))


# --- Step 6: how many ---------------------------------------------------------------------------------------
def check_rate(subject: Subject, now: datetime) -> None:
    """By institution and by node or account, counted in the table. Raises RateLimited."""
    window = timedelta(hours=settings.CERTIFICATE_REQUEST_WINDOW_HOURS)
    recent = CertificateRequest.objects.filter(institution=subject.institution, requested_at__gt=now - window)
    made = recent.aggregate(all=Count("pk"), own=Count("pk", filter=subject.rows))
    rules.check_rate(made["own"], Limit(settings.CERTIFICATE_REQUESTS_PER_SUBJECT, window), str(subject))
    rules.check_rate(
        made["all"],
        Limit(settings.CERTIFICATE_REQUESTS_PER_INSTITUTION, window),
        subject.institution.short_name,
    )


def locked(subject: Subject) -> Subject:
    """The rows as they are now, institution before node, under locks that let others refer to them."""
    institution = Institution.objects.select_for_update(no_key=True).get(pk=subject.institution.pk)
    if subject.node is not None:
        nodes = Node.objects.select_for_update(of=("self",), no_key=True).select_related("network")
        node = nodes.get(pk=subject.node.pk)
        node.institution = institution
        return Subject(institution, node)
    holder = User.objects.select_for_update(no_key=True).get(pk=subject.holder.pk) if subject.holder else None
    return Subject(institution, None, holder)
