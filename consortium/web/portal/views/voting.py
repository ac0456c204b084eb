"""An institution's own vote: proposed by one officer, signed by another; and who stands in for whom."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.core import clock
from consortium.members.models import Institution, User
from consortium.web.portal import scope, voting, voting_forms
from consortium.web.portal.forms import ReasonForm
from consortium.web.portal.views.base import Action, Page, one
from governance.ballot import typed_data
from governance.proposals import mandates, selectors, services
from governance.proposals.errors import VotingNotOpen
from governance.proposals.mandates import Substitution
from governance.proposals.models import Proposal


class _OnProposal(Action):
    section = "proposals"
    subject: Proposal

    def find(self, **kwargs: Any) -> Proposal:
        return one(scope.proposals(self.account), pk=kwargs["pk"])

    def after(self) -> str:
        return reverse("portal:proposal", args=[self.subject.pk])


class ProposeVote(_OnProposal):
    """One officer says how the institution should vote."""

    form_class = voting_forms.ProposeVoteForm
    title = gettext_lazy("Propose how we vote")
    lead = gettext_lazy("Another officer then signs and hands in the ballot: it takes two.")
    button = gettext_lazy("Propose")

    def act(self, values: dict[str, Any]) -> str:
        services.propose_vote(self.subject, **values, actor=self.account)
        return _("Proposed. Another officer of yours can now sign and hand in the ballot.")


class WithdrawVote(_OnProposal):
    form_class = ReasonForm
    title = gettext_lazy("Take back the proposed vote")
    button = gettext_lazy("Take back")
    dangerous = True

    def act(self, values: dict[str, Any]) -> str:
        services.withdraw_vote(self.subject, **values, actor=self.account)
        return _("Taken back. Nothing can be signed until an officer proposes a vote again.")


class Sign(_OnProposal):
    """Take a signature from the browser's wallet, or pasted in; the ballot around it is always the same."""

    template_name = "portal/sign.html"
    form_class = voting_forms.SignatureForm
    title = gettext_lazy("Hand in a signature")
    button = gettext_lazy("Hand in")

    def act(self, values: dict[str, Any]) -> str:
        ballot = self._ballot(values["support"])
        services.cast(
            self.subject,
            chain_id=ballot.chain_id,
            governor=ballot.governor,
            voter=ballot.voter,
            support=ballot.support,
            nonce=ballot.nonce,
            signature=voting.signature(values["signature"]),
            actor=self.account,
        )
        return _("The ballot was taken in and is on its way to the ledger.")

    def get_initial(self) -> dict[str, Any]:
        ours = self._ours()
        return {} if ours is None or ours.mandate is None else {"support": ours.mandate.support}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**self._shown(), **kwargs)

    def _shown(self) -> dict[str, Any]:
        """The ballot in words and as it is signed; nothing before the snapshot."""
        ours = self._ours()
        if ours is None or ours.mandate is None or not ours.voter:
            return {}
        ballot = voting.ballot_to_sign(self.subject, support=ours.mandate.support, voter=ours.voter)
        words = {"choice": ours.choice, "proposal": str(self.subject), "voter": ours.voter}
        return {
            "sentence": _("“%(choice)s” on proposal %(proposal)s, voting with %(voter)s.") % words,
            "typed": json.dumps(voting.for_wallet(ballot), indent=1),
            "digest": voting.digest(ballot),
        }

    def _ours(self) -> voting.OurVote | None:
        return voting.our_vote(self.account, self.subject, selectors.overview(self.subject), None)

    def _ballot(self, support: int) -> typed_data.Ballot:
        ours = self._ours()
        if ours is None or not ours.voter:
            raise VotingNotOpen
        return voting.ballot_to_sign(self.subject, support=support, voter=ours.voter)


class VotingDesk(Page):
    """Who takes part in the institution's votes, and who stands in for whom."""

    template_name = "portal/voting_desk.html"
    section = "institution"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = one(scope.institutions(self.account), pk=kwargs["pk"])
        now = clock.now()
        able = {officer.pk for officer in mandates.officers_able(found, now)}
        officers = found.officers.filter(is_active=True).select_related("voting_duty").order_by("username")
        return super().get_context_data(
            found=found,
            rows=[(officer, officer.pk in able, _votes(officer)) for officer in officers],
            covers=[(cover, cover.runs(now), cover.until <= now) for cover in mandates.substitutions(found)],
            lonely=len(able) < 2,
            **kwargs,
        )


class _OnDesk(Action):
    section = "institution"
    subject: Institution

    def find(self, **kwargs: Any) -> Institution:
        return one(scope.institutions(self.account), pk=kwargs["pk"])

    def after(self) -> str:
        return reverse("portal:voting_desk", args=[self.subject.pk])

    def get_form_kwargs(self) -> dict[str, Any]:
        officers = list(self.subject.officers.filter(is_active=True))
        return {**super().get_form_kwargs(), "officers": officers}


class NameSubstitute(_OnDesk):
    form_class = voting_forms.SubstituteForm
    title = gettext_lazy("Name a substitute")
    lead = gettext_lazy("For a time, the substitute takes the officer's place in our votes.")
    button = gettext_lazy("Name")

    def act(self, values: dict[str, Any]) -> str:
        services.name_substitute(values.pop("absent"), **values, actor=self.account)
        return _("The substitute is named.")


class EndSubstitution(_OnDesk):
    form_class = voting_forms.EndSubstitutionForm
    title = gettext_lazy("End a substitution")
    button = gettext_lazy("End")
    dangerous = True

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs = super(_OnDesk, self).get_form_kwargs()
        now = clock.now()
        live = [cover.pk for cover in mandates.substitutions(self.subject) if now < cover.until]
        return {**kwargs, "covers": Substitution.objects.filter(pk__in=live)}

    def act(self, values: dict[str, Any]) -> str:
        services.end_substitution(values["substitution"], actor=self.account, reason=values["reason"])
        return _("The substitution is over.")


class SetDuty(_OnDesk):
    form_class = voting_forms.DutyForm
    title = gettext_lazy("Who takes part in votes")
    button = gettext_lazy("Change")

    def act(self, values: dict[str, Any]) -> str:
        services.set_duty(values.pop("officer"), **values, actor=self.account)
        return _("Changed.")


def _votes(officer: User) -> bool:
    duty = getattr(officer, "voting_duty", None)
    return duty is None or bool(duty.votes)
