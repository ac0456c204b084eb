"""Deciding on certificate requests; suspending, releasing and revoking certificates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from certs import life, selectors, services, words
from certs.models import Certificate, CertificateRequest, Enrolment, RevocationReason
from consortium.core import clock
from consortium.web import reasons
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, ConfirmForm, Outcome, ReasonForm, RemarkForm, StyledForm, actor
from consortium.web.portal import listing, openssl


class CommentForm(StyledForm):
    comment = forms.CharField(
        label=_("Comment"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000, required=False
    )


class NeededCommentForm(StyledForm):
    comment = forms.CharField(
        label=_("Comment"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("Kept in the record for good, and shown to the institution."),
    )


class RevocationForm(CommentForm):
    """Every reason with what it means beside it: a wrong one misleads whoever relies on the certificate."""

    field_order = ("reason", "comment")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = forms.ChoiceField(
            label=_("Why"), widget=forms.RadioSelect, choices=reasons.choices(words.for_secretariat())
        )
        self.order_fields(self.field_order)


def _approve(request: HttpRequest, row: CertificateRequest, cleaned: dict[str, Any]) -> Outcome:
    services.approve_request(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("Approved. The signing worker issues the certificate within seconds."))


def _reject(request: HttpRequest, row: CertificateRequest, cleaned: dict[str, Any]) -> Outcome:
    services.reject_request(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("Rejected. The institution sees your reason."))


def _revoke(request: HttpRequest, row: Certificate, cleaned: dict[str, Any]) -> Outcome:
    services.revoke(
        row,
        reason=RevocationReason(cleaned["reason"]),
        comment=cleaned["comment"],
        actor=actor(request),
    )
    return Outcome(_("Revoked. The revocation list and the permission lists follow by themselves."))


def _compromised(request: HttpRequest, row: Certificate, cleaned: dict[str, Any]) -> Outcome:
    services.report_compromise(row, comment=cleaned["comment"], actor=actor(request))
    return Outcome(_("The revocation now says that the key is in other hands."))


def _suspend(request: HttpRequest, row: Certificate, cleaned: dict[str, Any]) -> Outcome:
    services.suspend(row, comment=cleaned["comment"], actor=actor(request))
    return Outcome(_("Suspended. The revocation list and the permission lists follow by themselves."))


def _release(request: HttpRequest, row: Certificate, cleaned: dict[str, Any]) -> Outcome:
    services.release(row, comment=cleaned["comment"], actor=actor(request))
    return Outcome(_("Released. The revocation list and the permission lists follow by themselves."))


def _withdraw(request: HttpRequest, row: Enrolment, cleaned: dict[str, Any]) -> Outcome:
    services.withdraw_enrolment(row, actor=actor(request))
    return Outcome(_("Withdrawn: nobody can enrol with it any more."))


def _undecided(row: CertificateRequest) -> bool:
    return row.status == CertificateRequest.Status.SUBMITTED


def _may_become(wanted: str) -> Any:
    def offered(row: Certificate) -> bool:
        return wanted in life.TRANSITIONS[selectors.state(row, clock.now())]

    return offered


def _may_be_worse(row: Certificate) -> bool:
    """Revoked for a reason that a compromise may still take the place of."""
    return hasattr(row, "revocation") and bool(life.REASON_CHANGES[row.revocation.reason])


def _may_be_withdrawn(row: Enrolment) -> bool:
    state = services.enrolment_state(row, clock.now())
    return state in {services.EnrolmentState.OPEN, services.EnrolmentState.USED}


def _shown(row: CertificateRequest) -> Iterable[panels.Panel]:
    """What is to be compared before a key is vouched for."""
    institution = row.institution.legal_name
    facts = [
        (_("institution"), institution),
        (_("used by"), listing.owner(row)),
        (_("profile"), row.get_profile_display()),
        (_("came by"), row.get_origin_display()),
        (_("key"), row.key_description),
        (_("fingerprint of the key (SHA-256)"), panels.code(row.spki_sha256)),
        (_("the institution reads it off with"), panels.code(openssl.fingerprint(row))),
    ]
    if row.renews is not None:
        facts.insert(3, (_("renews"), panels.link(row.renews, panels.code(row.renews.serial_id))))
    yield panels.facts(_("What is approved"), facts)


def _about(row: Certificate) -> Iterable[panels.Panel]:
    """Which certificate it is that the step changes."""
    facts = [
        (_("institution"), row.institution.legal_name if row.institution else "–"),
        (_("used by"), listing.owner(row)),
        (_("profile"), row.get_profile_display()),
        (_("serial number"), panels.code(row.serial_id)),
        (_("valid until"), row.not_after),
    ]
    yield panels.facts(_("The certificate"), facts)


REQUEST_ACTS = (
    Act(
        "approve",
        _("Approve"),
        _approve,
        RemarkForm,
        _undecided,
        shows=_shown,
        hint=_("Compare the key's fingerprint with what the institution told you by another way."),
        style="main",
        icon="check",
    ),
    Act("reject", _("Reject"), _reject, ReasonForm, services.may_be_rejected, style="grave", icon="close"),
)
CERTIFICATE_ACTS = (
    Act(
        "suspend",
        _("Suspend"),
        _suspend,
        NeededCommentForm,
        _may_become(life.SUSPENDED),
        shows=_about,
        hint=_(
            "It is refused everywhere until it is released (certificateHold). What the secretariat suspends, "
            "the secretariat alone releases."
        ),
        icon="pause_circle",
    ),
    Act(
        "release",
        _("Release"),
        _release,
        NeededCommentForm,
        lambda row: selectors.state(row, clock.now()) == life.SUSPENDED,
        shows=_about,
        hint=_("The suspension ends: lists and answers call the certificate good again."),
        style="main",
        icon="play_circle",
    ),
    Act(
        "revoke",
        _("Revoke"),
        _revoke,
        RevocationForm,
        _may_become(life.REVOKED),
        shows=_about,
        hint=_("This can't be undone. A node is dropped from the permission lists at once."),
        style="grave",
        icon="block",
    ),
    Act(
        "compromised",
        _("Report the key as compromised"),
        _compromised,
        CommentForm,
        _may_be_worse,
        shows=_about,
        hint=_("Whoever relies on what the key signed has to know. The date of the revocation stays."),
        style="grave",
        icon="key_off",
    ),
)
ENROLMENT_ACTS = (
    Act(
        "withdraw",
        _("Withdraw"),
        _withdraw,
        ConfirmForm,
        _may_be_withdrawn,
        hint=_("Nobody can enrol with it from now on. A certificate that it brought stays valid."),
        style="grave",
        icon="key_off",
    ),
)
