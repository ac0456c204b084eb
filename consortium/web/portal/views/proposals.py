"""Proposals: list, page with tally and who has voted, handing in a signed ballot."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.members.models import User
from consortium.web import effects, foreseen, tally
from consortium.web.api.errors import IncompleteBallot
from consortium.web.api.serializers import BallotIn
from consortium.web.portal import forms, listing, scope, voting, words
from consortium.web.portal.views.base import Action, Page, one, paged
from governance.chain import ledger as gateway
from governance.permissions import preview as lists
from governance.proposals import facts, mandates, preview, rules, selectors, services
from governance.proposals.actions import calls_of
from governance.proposals.models import Kind, Proposal, State

_COMMENTS = 50  # a page
_LIVE = {
    rules.State.SUBMITTING,
    rules.State.PENDING,
    rules.State.VOTING,
    rules.State.SUCCEEDED,
    rules.State.QUEUED,
}
_GIVEN_UP = ("proposal.withdrawal_sent", "proposal.withdrawn", "proposal.discarded")
_DECIDING = {rules.State.SUBMITTING, rules.State.PENDING, rules.State.VOTING}


class Proposals(Page):
    template_name = "portal/proposals.html"
    section = "proposals"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = scope.proposals(self.account)
        kind = self.request.GET.get("kind", "")
        if kind in Kind.values:
            rows = rows.filter(kind=kind)
        page = paged(self.request, rows, size=25)
        return super().get_context_data(
            page=page,
            rows=listing.proposal_rows(self.account, list(page.object_list)),
            kinds=Kind.choices,
            kind=kind,
            **kwargs,
        )


class OneProposal(Page):
    template_name = "portal/proposal.html"
    section = "proposals"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        proposal = one(scope.proposals(self.account), pk=kwargs["pk"])
        overview, own = selectors.overview(proposal), _own(self.account, proposal)
        ours = voting.our_vote(self.account, proposal, overview, own)
        said = Paginator(selectors.discussion(proposal), _COMMENTS).get_page(self.request.GET.get("page"))
        return super().get_context_data(
            proposal=proposal,
            overview=overview,
            state_label=State(overview.state.value).label,
            own=own,
            ours=ours,
            wallet=_wallet(proposal, ours),
            deciding=overview.state in _DECIDING,
            picture=tally.picture(overview),
            stages=effects.stages(overview),
            live=overview.state in _LIVE,
            ending=_ending(proposal, overview),
            successor=_successor(proposal),
            governor=facts.governor_of(proposal),
            steps=words.steps(proposal),
            **_preview(proposal, overview),
            comments=said,
            attachments=selectors.attachments_of(proposal),
            may_comment=self.account.is_member,
            command=ballot_command(proposal, ours.mandate if ours else None),
            timeline=scope.proposal_events(self.account, proposal)[:50],
            **kwargs,
        )


class HandIn(Action):
    """Relay a ballot that was signed outside."""

    section = "proposals"
    template_name = "portal/hand_in.html"
    form_class = forms.BallotForm
    title = gettext_lazy("Hand in a signed ballot")
    button = gettext_lazy("Hand in")
    subject: Proposal

    def find(self, **kwargs: Any) -> Proposal:
        return one(scope.proposals(self.account), pk=kwargs["pk"])

    def act(self, values: dict[str, Any]) -> str:
        fields = BallotIn(data=values["ballot"])
        if not fields.is_valid():
            raise IncompleteBallot(fields=", ".join(fields.errors))
        services.cast(self.subject, **fields.for_service(self.subject), actor=self.account)
        return _("The ballot was taken in and is on its way to the ledger.")

    def after(self) -> str:
        return reverse("portal:proposal", args=[self.subject.pk])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        mandate = (
            mandates.standing(self.subject, self.account.institution) if self.account.institution else None
        )
        return super().get_context_data(command=ballot_command(self.subject, mandate), **kwargs)


def _own(account: User, proposal: Proposal) -> selectors.OwnVote | None:
    return selectors.own_vote(proposal, account.institution) if account.institution else None


def _successor(proposal: Proposal) -> Proposal | None:
    return proposal.successors.filter(discarded_at=None, opened_at__isnull=False).first()


def _ending(proposal: Proposal, overview: selectors.Overview) -> str:
    """Why it came to nothing. That a withdrawal was asked for does not say that it ended so."""
    events = selectors.timeline(proposal).order_by("-id")
    if overview.state == rules.State.CANCELED:
        told = events.filter(action="proposal.canceled").first()
        if proposal.is_adopted or told is None:
            return _("Cancelled on the ledger.")
        if not told.data["withdrawn"]:
            return _("Cancelled on the ledger, by the guardians.")
    last = events.filter(action__in=_GIVEN_UP).exclude(reason="").first()
    if last is None:
        return _("Withdrawn.")
    return _("Withdrawn: %(reason)s") % {"reason": last.reason}


def _preview(proposal: Proposal, overview: selectors.Overview) -> dict[str, Any]:
    """What it would do, while it may still come to that."""
    if overview.state not in _LIVE:
        return {"changes": None}
    compiled = calls_of(proposal)
    seen = foreseen.foreseen(proposal, compiled)
    return {
        "changes": lists.changes(compiled),
        "members": preview.members(proposal, compiled),
        "simulation": seen.simulation,
        "answer": foreseen.answer(proposal, seen.simulation),
        "charter": seen.charter,
    }


def _wallet(proposal: Proposal, ours: voting.OurVote | None) -> dict[str, Any] | None:
    """What the browser's wallet would sign; only for whoever may sign it."""
    if ours is None or ours.mandate is None or not ours.may_sign:
        return None
    support = ours.mandate.support
    return voting.for_wallet(voting.ballot_to_sign(proposal, support=support, voter=ours.voter))


def ballot_command(proposal: Proposal, mandate: mandates.Mandate | None) -> str:
    """What a member runs on its own machine; every word of it is ours, so it is safe to paste."""
    ledger, shown = gateway.addresses()[0], gateway.shown_addresses()[0]
    if ledger != shown:
        ledger = "https://YOUR-LEDGER-NODE"  # an address with secrets in it is not for showing
    choice = "for" if mandate is None else rules.Vote(mandate.support).name.lower()
    return (
        f".venv/bin/python -m governance.ballot cast --ledger {ledger} "
        f"--governor {facts.governor_of(proposal)} "
        f"\\\n  --proposal {proposal.chain_proposal_id} --vote {choice} \\\n"
        f"  --keystore keystore.json --passphrase-file passphrase "
        f"\\\n  --console {settings.PUBLIC_URL} --token-file api-token"
    )
