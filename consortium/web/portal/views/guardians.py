"""Break-glass: who the guardians are, what is frozen, what they have begun; signing, and handing in."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.members.models import Institution
from consortium.web import errors
from consortium.web.portal import guardian_forms, guarding, scope, voting, words
from consortium.web.portal.views.base import Action, Page
from governance.chain import confirmations, guardians
from governance.chain import ledger as gateway
from governance.chain.guardians import Order
from governance.chain.models import Ledger, OnChainProposal, RegistryEntry
from governance.guardian.confirmation import Cancel, Freeze, body
from governance.proposals.models import Proposal


class Guardians(Page):
    """For all who may read proposals: what is shown is on the ledger."""

    template_name = "portal/guardians.html"
    section = "proposals"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except ConsoleError as error:
            return errors.refused(request, error)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        _check_reader(self.account)
        now = clock.now()
        shown = guarding.overview(gateway.current(), now)
        return super().get_context_data(
            shown=shown, may_hand_in=guarding.may_hand_in(self.account), now=now, **kwargs
        )


class _Guarding(Action):
    section = "proposals"
    subject: Ledger

    def may(self) -> bool:
        return guarding.may_hand_in(self.account)

    def find(self, **kwargs: Any) -> Ledger:
        _check_reader(self.account)
        return gateway.current()

    def after(self) -> str:
        return reverse("portal:guardians")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(crumb=_("Guardians"), **kwargs)


class _Signing(_Guarding):
    """First what and why; then the page to sign on, which nothing depends on: it can be made again."""

    button = gettext_lazy("Go on to sign")
    dangerous = True

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "guardians": guardians.in_office(self.subject).addresses}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            return self.shown(form.cleaned_data)
        except ConsoleError as error:
            return self.refused(form, error)

    def shown(self, values: dict[str, Any]) -> HttpResponse:
        order = Order(values["guardian"], values["reason"], values["hours"])
        made, context = self.made(values, order)
        context |= {
            "confirmation": made,
            "until": guarding.until(self.subject, made),
            "reason_lines": guarding.reason_lines(made.reason),
            "reason_hash": "0x" + made.reason_hash.hex(),
            "typed": guarding.for_wallet(made),
            "typed_text": json.dumps(guarding.for_wallet(made), indent=1),
            "digest": guarding.digest(made),
            "unsigned": json.dumps(body(made, ""), ensure_ascii=False),
            "command": guarding.command(self.subject, made),
            "threshold": guardians.in_office(self.subject).threshold,
            **{"section": self.section, "account": self.account, "title": self.title},
        }
        return self.response_class(self.request, ["portal/guardian_sign.html"], context)

    def made(self, values: dict[str, Any], order: Order) -> tuple[Freeze | Cancel, dict[str, Any]]:
        """What is to be signed, and what the page says of it."""
        raise NotImplementedError


class SignFreeze(_Signing):
    form_class = guardian_forms.FreezeForm
    title = gettext_lazy("Confirm that a node be frozen")
    lead = gettext_lazy(
        "For 72 hours it is left out of the permission lists. With the last confirmation that is needed the "
        "members' vote on it opens by itself."
    )

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "nodes": self._nodes()}

    def get_initial(self) -> dict[str, Any]:
        return {"node": self.request.GET.get("node", "")}

    def made(self, values: dict[str, Any], order: Order) -> tuple[Freeze, dict[str, Any]]:
        entry = RegistryEntry.objects.get(pk=values["node"])
        owner = Institution.objects.filter(uscc=entry.member_id).first()
        made = guardians.freeze_to_sign(self.subject, entry, order, clock.now())
        return made, {"entry": entry, "owner": owner}

    def _nodes(self) -> list[tuple[str, Any]]:
        """By network: nodes that are not frozen."""
        now = clock.now()
        entries = RegistryEntry.objects.filter(ledger=self.subject).order_by("network", "member_id")
        names = {one.uscc: one for one in Institution.objects.filter(uscc__in=entries.values("member_id"))}
        groups: dict[str, list[tuple[str, str]]] = {}
        for entry in entries:
            if not entry.is_frozen(now):
                words = f"{names.get(entry.member_id, entry.member_id)} · {entry.get_role_display()}"
                label = f"{words} · {guarding.shortened(entry.consensus_id)}"
                groups.setdefault(entry.network, []).append((str(entry.pk), label))
        return list(groups.items())


class SignCancel(_Signing):
    form_class = guardian_forms.CancelForm
    title = gettext_lazy("Confirm that a proposal be cancelled")
    lead = gettext_lazy(
        "For good: with the last confirmation that is needed nothing of it can be carried out."
    )

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "proposals": self._proposals()}

    def get_initial(self) -> dict[str, Any]:
        return {"proposal": self.request.GET.get("proposal", "")}

    def made(self, values: dict[str, Any], order: Order) -> tuple[Cancel, dict[str, Any]]:
        row = OnChainProposal.objects.get(ledger=self.subject, proposal_id=values["proposal"])
        proposal = Proposal.objects.filter(chain_proposal_id=row.proposal_id).first()
        made = guardians.cancel_to_sign(self.subject, row, order, clock.now())
        return made, {"proposal": proposal, "steps": words.steps(proposal) if proposal else []}

    def _proposals(self) -> list[tuple[str, Any]]:
        """Those that may still have an effect."""
        going = OnChainProposal.objects.filter(
            ledger=self.subject, executed_at__isnull=True, canceled_at__isnull=True
        )
        ids = list(going.values_list("proposal_id", flat=True)[:500])
        rows = Proposal.objects.filter(chain_proposal_id__in=ids).order_by("-number")
        return [(one.chain_proposal_id, str(one)) for one in rows]


class HandInConfirmation(_Guarding):
    """Relay what a guardian signed, on this page or elsewhere."""

    template_name = "portal/guardian_hand_in.html"
    form_class = guardian_forms.ConfirmationForm
    title = gettext_lazy("Hand in a signed confirmation")
    button = gettext_lazy("Hand in")

    def act(self, values: dict[str, Any]) -> str:
        content = values["confirmation"]
        if values["signature"].strip():
            content = {**content, "signature": voting.signature(values["signature"])}
        confirmations.accept(self.subject, content, actor=self.account)
        return _("The confirmation was taken in and is on its way to the ledger.")


def _check_reader(account: Any) -> None:
    """Whoever reads no proposals reads nothing here: a 404, as there."""
    if not account.is_member and not scope.oversees(account):
        raise Http404
