"""Certificates, secrets and authorities as the portal lists them, without a query for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from certs import selectors as certs
from certs import services
from certs.models import Authority, Certificate, Enrolment, Reminder, RevocationList
from certs.services import EnrolmentState, Renewal
from certs.status import addresses
from consortium.members.models import User
from consortium.web.portal import openssl
from consortium.web.portal.listing import State


@dataclass(frozen=True)
class EndingRow:
    """A certificate in force that has no later one; ``left`` in seconds."""

    certificate: Certificate
    left: int
    renewal: Renewal
    reminder: Reminder | None


@dataclass(frozen=True)
class EnrolmentRow:
    enrolment: Enrolment
    state: State
    may_withdraw: bool


@dataclass(frozen=True)
class AuthorityRow:
    """An authority, its newest full list, and whether that is in force. ``left`` in seconds."""

    authority: Authority
    state: State
    left: int
    crl: RevocationList | None

    @property
    def fingerprint(self) -> str:
        return openssl.fingerprint_of(self.authority)

    @property
    def certificate_url(self) -> str:
        return addresses.authority_url(self.authority)

    @property
    def crl_url(self) -> str:
        return addresses.full_crl_url(self.authority)


def ending_rows(certificates: Iterable[Certificate], reader: User, now: datetime) -> list[EndingRow]:
    """Two queries, however many."""
    certificates = list(certificates)
    renewals = services.renewal_states(certificates, now)
    said = {row.certificate_id: row for row in certs.reminders_for(reader, now)}
    return [
        EndingRow(each, _left(each.not_after, now), renewals[each.pk], said.get(each.pk))
        for each in certificates
    ]


_ENROLMENT_COLOURS = {
    EnrolmentState.OPEN: "waiting",
    EnrolmentState.USED: "approved",
    EnrolmentState.EXPIRED: "expired",
    EnrolmentState.WITHDRAWN: "discarded",
}


def enrolment_rows(enrolments: Iterable[Enrolment], now: datetime) -> list[EnrolmentRow]:
    """``enrolments`` come with their request."""
    return [_enrolment_row(each, services.enrolment_state(each, now)) for each in enrolments]


def _enrolment_row(enrolment: Enrolment, state: EnrolmentState) -> EnrolmentRow:
    usable = state in {EnrolmentState.OPEN, EnrolmentState.USED}
    return EnrolmentRow(enrolment, State(_ENROLMENT_COLOURS[state], state.label), usable)


FRESH = State("current", _("revocation list in force"))
STALE = State("expired", _("revocation list overdue"))
PAST = State("none", _("has run out"))


def authority_rows(now: datetime) -> list[AuthorityRow]:
    """Every authority with its newest list, the roots first; two queries."""
    newest = RevocationList.objects.filter(shard=None).order_by("authority_id", "-number")
    lists = {row.authority_id: row for row in newest.distinct("authority_id").defer("der")}
    authorities = Authority.objects.select_related("parent").order_by("-kind", "purpose", "-issues_from")
    return [_authority_row(each, lists.get(each.pk), now) for each in authorities]


def _authority_row(authority: Authority, crl: RevocationList | None, now: datetime) -> AuthorityRow:
    fresh = crl is not None and crl.next_update > now
    state = PAST if authority.not_after < now else FRESH if fresh else STALE
    return AuthorityRow(authority, state, _left(authority.not_after, now), crl)


def _left(until: datetime, now: datetime) -> int:
    return int((until - now).total_seconds())
