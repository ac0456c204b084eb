"""Drafts: what the secretariat prepares before members are asked."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import Max

from consortium.core import clock
from consortium.core.errors import NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members import rules as member_rules
from consortium.members.errors import checked, invalid
from consortium.members.models import Institution, Node, User
from consortium.members.permissions import require_secretariat
from governance.chain import ledger as gateway
from governance.proposals import actions, guards, rules
from governance.proposals.errors import NotADraft
from governance.proposals.models import Kind, Proposal
from governance.proposals.services.common import label, locked, record, state_now

_NUMBERING = 0x0B0D  # advisory lock: two drafts never get one number
TEXT_LENGTH = 20_000  # characters


def draft(
    *,
    kind: str,
    title_zh: str,
    title_en: str,
    text: str,
    institution: Institution,
    node: Node | None = None,
    node_role: int | None = None,
    actor: Actor,
) -> Proposal:
    """A new proposal about ``institution`` (and its ``node``), numbered, not yet open.

    Raises NotAllowed, InvalidInput, WrongSubject, NoLedger.
    """
    author = _author(actor)
    _check_kind(kind)
    titles = {"title_zh": title_zh, "title_en": title_en}
    titles = {field: checked(field, member_rules.name, value) for field, value in titles.items()}
    with transaction.atomic():
        proposal = Proposal(
            number=_next_number(),
            ledger=gateway.current(),
            kind=kind,
            text=_text(text),
            institution=institution,
            node=node,
            network_id=node.network_id if node else None,
            node_role=node_role,
            drafted_by=author,
            drafted_at=clock.now(),
            **titles,
        )
        guards.check_subject(proposal)
        actions.compile_into(proposal)
        proposal.save(force_insert=True)
        record("proposal.drafted", proposal, actor=actor, text_sha256=proposal.text_sha256)
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


def _author(actor: Actor) -> User:
    require_secretariat(actor)
    if not isinstance(actor, User):
        raise NotAllowed  # a person answers for what members are asked
    return actor


def _check_kind(kind: str) -> None:
    if kind not in Kind.values:
        raise invalid("kind", "unknown_choice", known=", ".join(Kind.values))


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


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_NUMBERING])
    return (Proposal.objects.aggregate(last=Max("number"))["last"] or 0) + 1
