"""The overview: what is due, first."""

from __future__ import annotations

from typing import Any

from certs import selectors as certs
from certs.models import CertificateRequest
from consortium.core import clock
from consortium.members.states import Status
from consortium.web import clocks
from consortium.web.portal import listing, scope
from consortium.web.portal.views.base import Page
from governance.proposals import selectors as voting
from governance.proposals.rules import State


class Home(Page):
    template_name = "portal/home.html"
    section = "home"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self.account
        votes = listing.overview_rows(account, voting.open_proposals())
        living = scope.nodes(account).filter(retired_at=None).select_related("delivery")
        nodes = listing.node_rows(list(living[:200]), clock.now())
        recent = scope.revocations(account).filter(revoked_at__gt=clock.now() - clocks.LOOKED_BACK)[:50]
        spreading = [row for row in clocks.rows(recent, account) if not row.done][:10]
        return super().get_context_data(
            votes=votes,
            to_vote=[row for row in votes if row["overview"].state == State.VOTING and not row["own"]],
            expiring=certs.expiring().filter(pk__in=scope.certificates(account).values("pk"))[:20],
            spreading=spreading,
            bare=[row for row in nodes if row.certificate is listing.NO_CERTIFICATE][:20],
            behind=[row for row in nodes if row.list_state in listing.LATE][:20],
            waiting=scope.requests(account).filter(status=CertificateRequest.Status.SUBMITTED)[:20],
            figures={
                "nodes": living.count(),
                "members": scope.institutions(account).filter(status=Status.ACTIVE).count(),
                "certificates": scope.certificates(account)
                .filter(pk__in=certs.valid_certificates(clock.now()).values("pk"))
                .count(),
            },
            timeline=scope.events(account)[:8],
            **kwargs,
        )
