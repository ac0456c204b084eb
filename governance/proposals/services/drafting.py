"""Drafts: what the secretariat prepares before members are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from consortium.core import clock
from consortium.core.errors import InvalidInput, NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members import rules as member_rules
from consortium.members.errors import checked, invalid
from consortium.members.models import Institution, Network, Node, User
from consortium.members.permissions import require_secretariat
from governance.chain import ledger as gateway
from governance.proposals import actions, charter, constitutional, guards, rules
from governance.proposals.errors import NotADraft
from governance.proposals.models import Kind, Proposal, ProposalAction
from governance.proposals.services.common import label, locked, record, state_now

_NUMBERING = 0x0B0D  # advisory lock: two drafts never get one number
TEXT_LENGTH = 20_000  # characters
MOST_ACTIONS = 25  # in one proposal: some 4 million gas to carry out, which every ledger's block holds


@dataclass(frozen=True)
class Wish:
    """One thing that a proposal is to do. Which fields go with which kind, the guards say."""

    kind: str
    institution: Institution | None = None
    node: Node | None = None
    node_role: int | None = None
    network: Network | None = None
    address: str = ""
    permission: int | None = None
    rule_of: int | None = None
    rule: rules.Rule | None = None
    durations: Mapping[str, int] | None = None  # seconds, by ``charter.DURATIONS``
    guardians: Sequence[str] = ()
    threshold: int | None = None
    break_glass: str = ""


def draft(
    *,
    title_zh: str,
    title_en: str,
    text: str,
    actor: Actor,
    more: Sequence[Wish] = (),
    amends: Proposal | None = None,
    **first: Any,
) -> Proposal:
    """A new proposal, numbered, not yet open. ``first`` are the fields of a :class:`Wish`.

    It does what ``first`` says and then what ``more`` says, all of it or nothing. Raises NotAllowed,
    InvalidInput, WrongSubject, NoLedger; of a contract that is to take an office also what
    ``constitutional.check_contracts`` raises.
    """
    author = _author(actor)
    wishes = [Wish(**first), *more]
    _check_wishes(wishes)
    titles = {"title_zh": title_zh, "title_en": title_en}
    titles = {field: checked(field, member_rules.name, value) for field, value in titles.items()}
    ledger = gateway.current()
    offices = [_action(Proposal(ledger=ledger), 1, wish) for wish in wishes if not _is_about_somebody(wish)]
    constitutional.check_contracts(ledger, offices)
    with transaction.atomic():
        proposal = Proposal(
            number=next_number(),
            ledger=ledger,
            text=_text(text),
            drafted_by=author,
            drafted_at=clock.now(),
            amends=amends,
            **_subject(wishes[0]),
            **titles,
        )
        done = [_action(proposal, place, wish) for place, wish in enumerate(wishes, start=1)]
        guards.check_subject(proposal, done)
        actions.compile_into(proposal, done)
        proposal.save(force_insert=True)
        ProposalAction.objects.bulk_create(done)
        record("proposal.drafted", proposal, actor=actor, text_sha256=proposal.text_sha256)
    return proposal


def extend(proposal: Proposal, wish: Wish, *, actor: Actor) -> Proposal:
    """Let a draft do one thing more, after what it does already.

    Raises NotAllowed, NotADraft, and of the wish what ``draft`` raises.
    """
    require_secretariat(actor)
    before = proposal.actions.count()
    _check_wishes([wish] * (before + 1))
    if not _is_about_somebody(wish):
        constitutional.check_contracts(proposal.ledger, [_action(proposal, before + 1, wish)])
    with transaction.atomic():
        proposal = locked(proposal)
        state = state_now(proposal)
        if state != rules.State.DRAFT:
            raise NotADraft(number=proposal.number, state=label(state))
        done = list(proposal.actions.all())
        added = _action(proposal, len(done) + 1, wish)
        guards.check_subject(proposal, [*done, added])
        added.save()
        actions.compile_into(proposal)
        proposal.save()
        record("proposal.action_added", proposal, actor=actor, added=wish.kind, position=added.position)
    return proposal


def discard(proposal: Proposal, *, actor: Actor, reason: str) -> Proposal:
    """Give up a draft, or one that the ledger would not take. Raises NotADraft, ReasonRequired."""
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        proposal = locked(proposal)
        state = state_now(proposal)
        if state not in {rules.State.DRAFT, rules.State.REFUSED}:
            raise NotADraft(number=proposal.number, state=label(state))
        proposal.discarded_at = clock.now()
        proposal.save(update_fields=["discarded_at"])
        record("proposal.discarded", proposal, actor=actor, reason=reason)
    return proposal


def _subject(wish: Wish) -> dict[str, Any]:
    """The proposal's own fields: what the first of its actions is about."""
    return {
        "kind": wish.kind,
        "institution": wish.institution,
        "node": wish.node,
        "network_id": _network(wish),
        "node_role": wish.node_role,
    }


def _network(wish: Wish) -> str | None:
    if wish.node is not None:
        return wish.node.network_id
    return wish.network.pk if wish.network else None


def _action(proposal: Proposal, place: int, wish: Wish) -> ProposalAction:
    return ProposalAction(
        proposal=proposal,
        position=place,
        kind=wish.kind,
        institution=wish.institution,
        node=wish.node,
        network_id=_network(wish),
        node_role=wish.node_role,
        address=_address("address", wish.address, nobody=constitutional.may_name_nobody(wish.kind)),
        permission=wish.permission,
        rule_of=wish.rule_of,
        rule=wish.rule.stored if wish.rule else None,
        durations=dict(wish.durations) if wish.durations else None,
        guardians=[_address("guardians", one) for one in wish.guardians] or None,
        threshold=wish.threshold,
        break_glass=_address("break_glass", wish.break_glass),
    )


def _address(field: str, value: str, *, nobody: bool = False) -> str:
    """In EIP-55 form; empty where there is none, and the zero address only where it means something."""
    if not value or (nobody and value.strip() == charter.NOBODY):
        return value.strip()
    return checked(field, member_rules.voting_address, value)


def _is_about_somebody(wish: Wish) -> bool:
    return actions.concerns_institution(wish.kind)


def _check_wishes(wishes: Sequence[Wish]) -> None:
    if len(wishes) > MOST_ACTIONS:
        raise InvalidInput(
            field="more", reason=_("a proposal does %(n)d things at most.") % {"n": MOST_ACTIONS}
        )
    for wish in wishes:
        if wish.kind not in Kind.values or wish.kind == Kind.OTHER:
            known = ", ".join(kind for kind in Kind.values if kind != Kind.OTHER)
            raise invalid("kind", "unknown_choice", known=known)


def _author(actor: Actor) -> User:
    require_secretariat(actor)
    if not isinstance(actor, User):
        raise NotAllowed  # a person answers for what members are asked
    return actor


def _text(text: str) -> str:
    """The text as it is kept and hashed: line ends as LF, nothing invisible. Raises InvalidInput."""
    cleaned = text.replace("\r\n", "\n").strip()
    if not cleaned:
        raise invalid("text", "required")
    if len(cleaned) > TEXT_LENGTH:
        raise invalid("text", "too_long", maximum=TEXT_LENGTH)
    for line in cleaned.split("\n"):
        if line.strip():
            checked("text", member_rules.line, line.replace("\t", " "), TEXT_LENGTH)
    return cleaned


def next_number() -> int:
    """The next proposal's; in a transaction, and nobody else gets it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_NUMBERING])
    return (Proposal.objects.aggregate(last=Max("number"))["last"] or 0) + 1
