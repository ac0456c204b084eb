"""What the secretariat does about a committee: wish, cancel, and pass on what a governor signed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from web3 import Web3

from consortium.members.models import Node
from consortium.web import committee
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, Outcome, ReasonForm, StyledForm, actor
from governance.chain.ledgers import handing_in, saying, selectors, signed, wishes
from governance.chain.ledgers.base import Action
from governance.chain.ledgers.errors import InvalidAction
from governance.chain.ledgers.models import CommitteeProposal, CommitteeWish, GovernedLedger, LedgerNode
from governance.chain.ledgers.wishes import WishState
from governance.chain.models import AccountPermission
from governance.contracts import fisco

_OPEN = {WishState.WAITING, WishState.READY}
_CANCELLABLE = {*_OPEN, WishState.BLOCKED}


def _is_address(value: str) -> None:
    if not Web3.is_address(value):
        raise forms.ValidationError(_("this is not an address."), code="not_an_address")


class WishForm(ReasonForm):
    """What the governors are asked. Which arguments a type takes, the contract's interface says."""

    ledger = forms.ModelChoiceField(
        GovernedLedger.objects.filter(kind=GovernedLedger.Kind.COMMITTEE), label=_("ledger")
    )
    type = forms.TypedChoiceField(
        label=_("type"),
        choices=[
            (value, format_lazy("{} · {}", value, label)) for value, label in CommitteeProposal.Type.choices
        ],
        coerce=int,
    )
    arguments = forms.CharField(
        label=_("arguments"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        max_length=4000,
        help_text=_("name=value, a line each"),
    )
    interval = forms.IntegerField(
        label=_("blocks to vote"), min_value=1, max_value=2**62, initial=fisco.DEFAULT_INTERVAL
    )
    field_order = ["ledger", "type", "arguments", "interval", "reason"]


class _OnCommittee(ReasonForm):
    ledger = forms.ModelChoiceField(
        GovernedLedger.objects.filter(kind=GovernedLedger.Kind.COMMITTEE), label=_("ledger")
    )
    interval = forms.IntegerField(
        label=_("blocks to vote"), min_value=1, max_value=2**62, initial=fisco.DEFAULT_INTERVAL
    )


class RoleForm(_OnCommittee):
    """What a node is to be on the ledger; the steps to it follow from what it is now."""

    node = forms.ModelChoiceField(
        Node.objects.select_related("institution", "network").order_by("network", "institution__short_name"),
        label=_("node"),
    )
    role = forms.TypedChoiceField(
        label=_("role"), choices=[(0, _("no role")), *LedgerNode.Role.choices], coerce=int
    )
    weight = forms.IntegerField(
        label=_("weight"), min_value=1, max_value=2**31 - 1, initial=1, help_text=_("of a sealer")
    )
    field_order = ["ledger", "node", "role", "weight", "interval", "reason"]


class PermissionForm(_OnCommittee):
    """What an account may do. Whether it may transact at all is no proposal: any governor freezes it."""

    account = forms.CharField(label=_("account"), max_length=42, validators=[_is_address])
    permission = forms.TypedChoiceField(
        label=_("permission"),
        choices=AccountPermission.Permission.choices,
        coerce=int,
        help_text=_("Without a list so far a white list comes first: then only who is on it may deploy."),
    )
    field_order = ["ledger", "account", "permission", "interval", "reason"]


class RawForm(StyledForm):
    """A signed transaction, as the command writes it with ``--out``."""

    raw = forms.CharField(
        label=_("signed transaction"),
        max_length=2 * signed.LARGEST + 2,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_("hexadecimal, as the command wrote it into its file"),
    )


class VoteForm(RawForm):
    """What was signed; the console compares it with the bytes."""

    choice = forms.ChoiceField(
        label=_("It says"),
        choices=[("agree", _("in favour")), ("against", _("against")), ("revoke", _("revoke the proposal"))],
    )
    field_order = ["choice", "raw"]


# --- Wishing --------------------------------------------------------------------------------------------
def _wish(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    try:
        given = cleaned["arguments"].split("\n")
        arguments = fisco.from_words(
            fisco.CREATES[cleaned["type"]], [line.strip() for line in given if line.strip()]
        )
    except fisco.NotACall as error:
        raise InvalidAction(reason=saying.why(error)) from error
    [made] = wishes.wish(
        cleaned["ledger"],
        [Action(str(cleaned["type"]), arguments)],
        actor=actor(request),
        reason=cleaned["reason"],
        interval=cleaned["interval"],
    )
    return _stands([made])


def _wish_role(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    node: Node = cleaned["node"]
    made = wishes.wish_node_role(
        cleaned["ledger"],
        consensus_id=node.consensus_id,
        role=cleaned["role"],
        weight=cleaned["weight"],
        actor=actor(request),
        reason=cleaned["reason"],
        interval=cleaned["interval"],
        institution=node.institution,
        node_id=node.pk,
    )
    return _stands(made)


def _wish_permission(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    made = wishes.wish_account_permission(
        cleaned["ledger"],
        account=cleaned["account"].strip(),
        permission=cleaned["permission"],
        actor=actor(request),
        reason=cleaned["reason"],
        interval=cleaned["interval"],
    )
    return _stands(made)


def _stands(made: list[CommitteeWish]) -> Outcome:
    """Of several steps the first is the one to look at."""
    return Outcome(
        _("The wish stands. A governor opens the proposal when its turn is here."), panels.address(made[0])
    )


def _cancel(request: HttpRequest, row: CommitteeWish, cleaned: dict[str, Any]) -> Outcome:
    wishes.cancel(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The wish is cancelled. What was signed ahead for it is never sent."))


def _hand_in_wish(request: HttpRequest, row: CommitteeWish, cleaned: dict[str, Any]) -> Outcome:
    sent = handing_in.propose(row, cleaned["raw"], actor=actor(request))
    if sent.status == sent.Status.HELD:
        return Outcome(_("The transaction is kept, and sent when its turn comes."))
    return Outcome(_("The transaction was taken in and is on its way to the ledger, byte for byte."))


def _wish_anew(request: HttpRequest, row: CommitteeProposal, cleaned: dict[str, Any]) -> Outcome:
    """What passed and was not applied, or came to nothing, asked for once more."""
    earlier = CommitteeWish.objects.filter(ledger=row.ledger, number=row.number).first()
    node_id: uuid.UUID | None = earlier.node_id if earlier else None
    [made] = wishes.wish(
        row.ledger,
        [Action(str(row.type), row.arguments or {})],
        actor=actor(request),
        reason=cleaned["reason"],
        institution=earlier.institution if earlier else None,
        node_id=node_id,
    )
    return _stands([made])


# --- Passing on -----------------------------------------------------------------------------------------
def _hand_in_vote(request: HttpRequest, row: CommitteeProposal, cleaned: dict[str, Any]) -> Outcome:
    who, raw = actor(request), cleaned["raw"]
    if cleaned["choice"] == "revoke":
        handing_in.revoke(row.ledger, row.number, raw, actor=who)
    else:
        handing_in.vote(row.ledger, row.number, raw, agree=cleaned["choice"] == "agree", actor=who)
    return Outcome(_("The transaction was taken in and is on its way to the ledger, byte for byte."))


def _shows_wish(row: CommitteeWish) -> Iterable[panels.Panel]:
    yield panels.text(
        _("What it does"), selectors.action_words(row.type, row.arguments), note=row.get_type_display()
    )
    yield panels.text(_("What the governor runs"), committee.propose_command(row))


def _shows_vote(row: CommitteeProposal) -> Iterable[panels.Panel]:
    yield panels.text(_("What it does"), selectors.action_words(row.type, row.arguments))
    commands = "\n\n".join(committee.vote_command(row, each) for each in ("agree", "against", "revoke"))
    yield panels.text(_("What the governor runs"), commands)


def _came_to_nothing(row: CommitteeProposal) -> bool:
    ended = row.status not in {fisco.OPEN, fisco.PASSED}
    return row.arguments is not None and (ended or row.applied is False)


WISH_TOOLS = (
    Act("role", _("Wish for a node's role"), _wish_role, RoleForm, style="main", icon="hub"),
    Act(
        "permission",
        _("Wish for an account's permission"),
        _wish_permission,
        PermissionForm,
        style="main",
        icon="key",
    ),
    Act(
        "wish",
        _("Wish for a proposal"),
        _wish,
        WishForm,
        icon="add",
        shows=lambda row: [
            panels.table(
                _("Arguments by type"),
                (_("type"), _("about"), _("arguments")),
                [
                    (made.type, CommitteeProposal.Type(made.type).label, panels.code(" ".join(made.names)))
                    for made in fisco.CREATES.values()
                ],
            )
        ],
    ),
)
WISH_ACTS = (
    Act(
        "hand_in",
        _("Hand in the signed transaction"),
        _hand_in_wish,
        RawForm,
        offered=lambda row: wishes.state(row) in _OPEN,
        shows=_shows_wish,
        style="main",
        icon="send",
    ),
    Act(
        "cancel",
        _("Cancel the wish"),
        _cancel,
        ReasonForm,
        offered=lambda row: wishes.state(row) in _CANCELLABLE,
        style="grave",
        icon="cancel",
    ),
)
PROPOSAL_ACTS = (
    Act(
        "hand_in",
        _("Hand in the signed transaction"),
        _hand_in_vote,
        VoteForm,
        offered=lambda row: row.status == fisco.OPEN,
        shows=_shows_vote,
        style="main",
        icon="send",
    ),
    Act(
        "wish_anew",
        _("Wish for it anew"),
        _wish_anew,
        ReasonForm,
        offered=_came_to_nothing,
        shows=lambda row: [panels.text(_("What it does"), selectors.action_words(row.type, row.arguments))],
        style="main",
        icon="replay",
    ),
)
