"""Deciding on certificate requests, and revoking certificates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from certs import services
from certs.models import Certificate, CertificateRequest, RevocationReason
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, Outcome, ReasonForm, RemarkForm, StyledForm, actor


class RevocationForm(StyledForm):
    reason = forms.ChoiceField(label=_("Why"), choices=RevocationReason.choices)
    comment = forms.CharField(
        label=_("Comment"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000, required=False
    )


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


def _undecided(row: CertificateRequest) -> bool:
    return row.status == CertificateRequest.Status.SUBMITTED


def _in_force(row: Certificate) -> bool:
    return not hasattr(row, "revocation")


_FINGERPRINT = "openssl req -in node.csr -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum"


def _shown(row: CertificateRequest) -> Iterable[panels.Panel]:
    """What is to be compared before a key is vouched for."""
    yield panels.facts(
        _("What is approved"),
        [
            (_("institution"), row.institution.legal_name),
            (_("node"), str(row.node)),
            (_("profile"), row.get_profile_display()),
            (_("key"), row.key_description),
            (_("fingerprint of the key (SHA-256)"), panels.code(row.spki_sha256)),
            (_("the institution reads it off with"), panels.code(_FINGERPRINT)),
        ],
    )


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
        "revoke",
        _("Revoke"),
        _revoke,
        RevocationForm,
        _in_force,
        hint=_("This can't be undone. The node is dropped from the permission lists at once."),
        style="grave",
        icon="block",
    ),
)
