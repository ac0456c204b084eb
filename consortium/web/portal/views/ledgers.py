"""Ledgers and how each is governed; a committee's proposals, and handing in what a governor signed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.core import clock
from consortium.web import committee
from consortium.web.portal import ledgers, scope
from consortium.web.portal.views.base import Action, Page, one, paged
from governance.chain.ledgers import handing_in, lines, signed
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeWish,
    GovernedLedger,
)
from governance.chain.models import RpcNode
from governance.contracts import fisco

Kind = GovernedLedger.Kind
_SHOWN = 25  # rows of each list on a ledger's page


class Ledgers(Page):
    template_name = "portal/ledgers.html"
    section = "ledgers"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(rows=ledgers.listed(self.account), **kwargs)


class OneLedger(Page):
    section = "ledgers"

    @cached_property
    def line(self) -> lines.LedgerLine:
        slug = self.kwargs["slug"]
        rows = list(ledgers.ledgers(self.account).filter(pk=slug))
        if rows:
            return lines.ledgers(rows)[0]
        own = ledgers.alliances_own(self.account)
        if own is None or own.slug != slug:
            raise Http404
        return own

    def get_template_names(self) -> list[str]:
        return [f"portal/ledger_{self.line.kind}.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        line = self.line
        more = {} if line.row is None else self._more(line.row)
        name = "" if line.row is None else line.row.pk
        return super().get_context_data(
            line=line,
            health=line.health,
            nodes=RpcNode.objects.filter(ledger=name) if scope.oversees(self.account) else None,
            **more,
            **kwargs,
        )

    def _more(self, row: GovernedLedger) -> dict[str, Any]:
        found = lines.nodes(row)
        shown = {"ledger": row, "members": found, "drifting": sum(bool(each.drift) for each in found)}
        return {**shown, **self._committee(row)} if row.kind == Kind.COMMITTEE else shown

    def _committee(self, row: GovernedLedger) -> dict[str, Any]:
        state = CommitteeState.objects.filter(ledger=row).first()
        opened = ledgers.proposals(self.account).filter(ledger=row, status=fisco.OPEN)
        wished = ledgers.wishes(self.account).filter(ledger=row, cancelled_at=None, number=None)
        sent = ledgers.transactions(self.account).filter(ledger=row)
        governors = lines.governors(row)
        return {
            "state": state,
            "deploying": committee.DEPLOY_TYPES.get(state.deploy_type) if state else None,
            "governors": governors,
            "weight": sum(each.weight for each in governors),
            "own_address": ledgers.address_of(self.account),
            "proposals": lines.proposals(list(opened[:_SHOWN]), clock.now()),
            "wishes": lines.wished(list(wished[:_SHOWN])),
            "may_sign": ledgers.is_governor(self.account, row),
            "transactions": sent[:_SHOWN],
        }


class Proposals(Page):
    """A committee's proposals, newest first."""

    template_name = "portal/ledger_proposals.html"
    section = "ledgers"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ledger = one(ledgers.committees(self.account), pk=kwargs["slug"])
        rows = ledgers.proposals(self.account).filter(ledger=ledger)
        type_ = self.request.GET.get("type", "")
        if type_ in map(str, CommitteeProposal.Type.values):
            rows = rows.filter(type=type_)
        status = self.request.GET.get("status", "")
        if status in map(str, CommitteeProposal.Status.values):
            rows = rows.filter(status=status)
        page = paged(self.request, rows, size=_SHOWN)
        return super().get_context_data(
            ledger=ledger,
            page=page,
            proposals=lines.proposals(list(page.object_list), clock.now()),
            types=[(str(value), label) for value, label in CommitteeProposal.Type.choices],
            statuses=[(str(value), label) for value, label in CommitteeProposal.Status.choices],
            type=type_,
            status=status,
            **kwargs,
        )


class OneProposal(Page):
    template_name = "portal/ledger_proposal.html"
    section = "ledgers"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        proposal = one(
            ledgers.proposals(self.account), ledger=kwargs["slug"], number=_number(kwargs["number"])
        )
        shown = committee.picture(proposal)
        sent = ledgers.transactions(self.account).filter(ledger=proposal.ledger_id)
        may_vote = ledgers.may_vote(self.account, proposal)
        may_revoke = ledgers.may_revoke(self.account, proposal)
        return super().get_context_data(
            proposal=proposal,
            ledger=proposal.ledger,
            shown=shown,
            view=shown.view,
            own_address=ledgers.address_of(self.account),
            may_vote=may_vote,
            may_revoke=may_revoke,
            commands=_commands(proposal, may_vote=may_vote, may_revoke=may_revoke),
            transactions=sent.filter(number=proposal.number) | sent.filter(tx_hash=proposal.created_tx),
            **kwargs,
        )


# --- Handing in ---------------------------------------------------------------------------------------------
class RawForm(forms.Form):
    """A signed transaction, as the command writes it with ``--out``."""

    raw = forms.CharField(
        label=gettext_lazy("signed transaction"),
        max_length=2 * signed.LARGEST + 2,
        widget=forms.Textarea({"rows": 6, "class": "mono", "spellcheck": "false"}),
        help_text=gettext_lazy("hexadecimal, as the command wrote it into its file"),
    )


class VoteForm(RawForm):
    """What was signed; the console compares it with the bytes."""

    choice = forms.ChoiceField(label=gettext_lazy("It says"), widget=forms.RadioSelect)
    field_order = ["choice", "raw"]


class HandInVote(Action):
    """A vote or a revocation that a governor signed outside: checked, stored, relayed as it is."""

    section = "ledgers"
    template_name = "portal/ledger_hand_in.html"
    form_class = VoteForm
    title = gettext_lazy("Hand in a signed transaction")
    button = gettext_lazy("Hand in")
    subject: CommitteeProposal

    def find(self, **kwargs: Any) -> CommitteeProposal:
        return one(ledgers.proposals(self.account), ledger=kwargs["slug"], number=_number(kwargs["number"]))

    def get_form(self, form_class: type[forms.Form] | None = None) -> forms.Form:
        form = super().get_form(form_class)
        choices = [("agree", _("in favour")), ("against", _("against"))]
        if ledgers.may_revoke(self.account, self.subject):
            choices.append(("revoke", _("revoke the proposal")))
        form.fields["choice"].choices = choices
        return form

    def act(self, values: dict[str, Any]) -> str:
        ledger, number = self.subject.ledger, self.subject.number
        if values["choice"] == "revoke":
            handing_in.revoke(ledger, number, values["raw"], actor=self.account)
        else:
            agree = values["choice"] == "agree"
            handing_in.vote(ledger, number, values["raw"], agree=agree, actor=self.account)
        return _("The transaction was taken in and is on its way to the ledger, byte for byte.")

    def after(self) -> str:
        return reverse("portal:ledger_proposal", args=[self.subject.ledger_id, self.subject.number])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        revocable = ledgers.may_revoke(self.account, self.subject)
        commands = _commands(self.subject, may_vote=True, may_revoke=revocable)
        return super().get_context_data(commands=commands, **kwargs)


class HandInWish(Action):
    """The transaction that opens the proposal of a wish."""

    section = "ledgers"
    template_name = "portal/ledger_hand_in.html"
    form_class = RawForm
    title = gettext_lazy("Open this proposal")
    button = gettext_lazy("Hand in")
    subject: CommitteeWish

    def find(self, **kwargs: Any) -> CommitteeWish:
        return one(ledgers.wishes(self.account), ledger=kwargs["slug"], pk=_number(kwargs["pk"]))

    def act(self, values: dict[str, Any]) -> str:
        row = handing_in.propose(self.subject, values["raw"], actor=self.account)
        if row.status == row.Status.HELD:
            return _("The transaction is kept, and sent when its turn comes.")
        return _("The transaction was taken in and is on its way to the ledger, byte for byte.")

    def after(self) -> str:
        return reverse("portal:ledger", args=[self.subject.ledger_id])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        [line] = lines.wished([self.subject])
        commands = [(_("open the proposal"), committee.propose_command(self.subject))]
        return super().get_context_data(wish=line, commands=commands, **kwargs)


def _commands(proposal: CommitteeProposal, *, may_vote: bool, may_revoke: bool) -> list[tuple[str, str]]:
    made = []
    if may_vote:
        made += [
            (_("in favour"), committee.vote_command(proposal, "agree")),
            (_("against"), committee.vote_command(proposal, "against")),
        ]
    if may_revoke:
        made.append((_("revoke the proposal"), committee.vote_command(proposal, "revoke")))
    return made


def _number(value: int) -> int:
    """Raises Http404 for one that no row has room for."""
    if value >= 2**63:
        raise Http404
    return value
