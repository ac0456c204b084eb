"""Ending a certificate: revoke for good, revoke at once for a compromised key, suspend, release."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from certs import services, words
from certs.models import Certificate, RevocationReason
from consortium.web.portal import certificate_forms as forms
from consortium.web.portal import scope
from consortium.web.portal.views.base import Action, one


class _OfCertificate(Action):
    section = "certificates"
    subject: Certificate

    def find(self, **kwargs: Any) -> Certificate:
        return one(scope.certificates(self.account), pk=kwargs["pk"])

    def after(self) -> str:
        return reverse("portal:certificate", args=[self.subject.pk])


class Revoke(_OfCertificate):
    template_name = "portal/revoke.html"
    form_class = forms.RevokeForm
    title = gettext_lazy("Revoke the certificate")
    button = gettext_lazy("Revoke for good")
    dangerous = True

    def get_initial(self) -> dict[str, Any]:
        return {"reason": self.request.GET.get("reason", "")}

    def act(self, values: dict[str, Any]) -> str:
        services.revoke(self.subject, reason=values["reason"], comment=values["comment"], actor=self.account)
        return _("The certificate %(serial)s is revoked.") % {"serial": self.subject.serial_id}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(not_offered=words.NOT_OFFERED.items(), **kwargs)


class Compromise(_OfCertificate):
    """One button, no questions: whoever comes here is in a hurry, and a false alarm costs a new key."""

    template_name = "portal/compromise.html"
    form_class = forms.CommentForm
    title = gettext_lazy("The private key may be in other hands")
    lead = gettext_lazy("Suspicion is enough. This works at any hour, at once, and asks nobody's approval.")
    button = gettext_lazy("Revoke now: the key is compromised")
    dangerous = True

    def act(self, values: dict[str, Any]) -> str:
        """Of one that was revoked for another reason it is said afterwards."""
        comment = values["comment"]
        if hasattr(self.subject, "revocation"):
            services.report_compromise(self.subject, comment=comment, actor=self.account)
        else:
            reason = RevocationReason.KEY_COMPROMISE
            services.revoke(self.subject, reason=reason, comment=comment, actor=self.account)
        return _("The certificate %(serial)s is revoked.") % {"serial": self.subject.serial_id}


class Suspend(_OfCertificate):
    template_name = "portal/suspend.html"
    form_class = forms.CommentForm
    title = gettext_lazy("Suspend the certificate")
    lead = gettext_lazy(
        "It is refused everywhere until it is released: for as long as you are looking into something, or a "
        "node rests. If the key may be in other hands, revoke instead."
    )
    button = gettext_lazy("Suspend")
    dangerous = True

    def act(self, values: dict[str, Any]) -> str:
        services.suspend(self.subject, comment=values["comment"], actor=self.account)
        return _("The certificate %(serial)s is suspended.") % {"serial": self.subject.serial_id}


class Release(_OfCertificate):
    form_class = forms.ReleaseForm
    title = gettext_lazy("Release the certificate")
    lead = gettext_lazy("The suspension ends: lists and answers call the certificate good again.")
    button = gettext_lazy("Release")

    def act(self, values: dict[str, Any]) -> str:
        services.release(self.subject, comment=values["comment"], actor=self.account)
        return _("The certificate %(serial)s is released.") % {"serial": self.subject.serial_id}
