"""What a lost key could do before anybody knew: renew its certificate by its own proof.

A renewal by EST asks nobody, so whoever stole the key may have a certificate over a key of his own by then;
it may as well be the node's. Until its institution has looked, it is on hold.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from certs import life
from certs.models import Certificate, CertificateRequest
from certs.services import standing, suspension
from consortium.core import events
from consortium.core.events import Actor

Status = CertificateRequest.Status


def distrust_renewals(certificates: Iterable[Certificate], *, actor: Actor) -> None:
    """Suspend what followed ``certificates`` by proof alone, and what followed that; stop what is under way.

    Inside the transaction of the revocation. A request's lock decides between us and whoever signs: the one
    that comes second finds the certificate, or the request closed.
    """
    frontier = {each.pk for each in certificates}
    while frontier:
        frontier = _next(frontier, actor)


def _next(frontier: Collection[uuid.UUID], actor: Actor) -> set[uuid.UUID]:
    rows = CertificateRequest.objects.select_for_update(of=("self",))
    asked = list(rows.filter(renews__in=frontier, renewed_by_proof=True).order_by("pk"))
    for request in asked:
        if request.status == Status.APPROVED:
            _stop(request, actor)
    issued = Certificate.objects.filter(request__in=asked).order_by("pk")
    for certificate in issued:
        _hold(certificate, actor)
    return {certificate.pk for certificate in issued}


def _stop(request: CertificateRequest, actor: Actor) -> None:
    """Its serial number, if one was spent, is voided by the sweep."""
    request.status = Status.REJECTED
    request.decision_reason = _("The key that asked for it is in other hands.")
    request.save(update_fields=["status", "decision_reason"])
    events.record(
        "request.rejected",
        request,
        actor=actor,
        reason=request.decision_reason,
        institution_id=request.institution_id,
        node_id=request.node_id,
        code="key_compromise",
    )


def _hold(certificate: Certificate, actor: Actor) -> None:
    certificate = standing.locked(certificate)
    if standing.state(certificate) == life.VALID:
        reason = _("Renewed by a key that is in other hands: release it if the renewal was yours.")
        suspension.put_on_hold(certificate, comment=reason, actor=actor)
