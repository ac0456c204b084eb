"""What people say of a proposal, and the files that belong to it."""

from __future__ import annotations

import unicodedata

from django.db import transaction
from django.utils.translation import gettext as _

from consortium.core import clock
from consortium.core.errors import InvalidInput, NotAllowed
from consortium.core.events import Actor
from consortium.members import rules as member_rules
from consortium.members.errors import checked, invalid
from consortium.members.models import User
from consortium.members.permissions import require_secretariat
from governance.proposals import actions, attachments, rules
from governance.proposals.errors import (
    AttachedAlready,
    AttachmentTooLarge,
    NotADraft,
    TooManyAttachments,
    TooManyComments,
)
from governance.proposals.models import COMMENT_LENGTH, Attachment, Comment, Proposal
from governance.proposals.services.common import label, locked, record, state_now

MOST_COMMENTS = 100  # of one institution on one proposal; the secretariat counts as one
NAME_LENGTH = 120  # characters, of a file
_NAME_TAKEN_BY_SYSTEMS = set('/\\:*?"<>|')


def comment(proposal: Proposal, *, text: str, actor: Actor) -> Comment:
    """Say something of a proposal that members can see. The regulator reads and says nothing.

    Raises NotAllowed, InvalidInput, TooManyComments.
    """
    if not isinstance(actor, User) or not (actor.is_member or actor.is_secretariat):
        raise NotAllowed
    if proposal.opened_at is None and not actor.is_secretariat:
        raise NotAllowed  # a draft is the secretariat's own
    institution = actor.institution if actor.is_member else None
    with transaction.atomic():
        proposal = locked(proposal)
        if proposal.comments.filter(institution=institution).count() >= MOST_COMMENTS:
            raise TooManyComments(limit=MOST_COMMENTS)
        said = Comment.objects.create(
            proposal=proposal,
            author=actor,
            institution=institution,
            text=_text(text),
            written_at=clock.now(),
        )
        record("proposal.commented", proposal, actor=actor, comment=str(said.pk))
    return said


def attach(proposal: Proposal, *, name: str, content: bytes, actor: Actor) -> Attachment:
    """Add a file to a draft; its hash and size become part of what members vote on.

    Raises NotAllowed, NotADraft, InvalidInput, AttachmentTooLarge, TooManyAttachments, AttachedAlready.
    """
    require_secretariat(actor)
    if not isinstance(actor, User):
        raise NotAllowed
    called = _file_name(name)
    if not content:
        raise invalid("file", "required")
    if len(content) > attachments.SIZE_LIMIT:
        raise AttachmentTooLarge(name=called, size=len(content), limit=attachments.SIZE_LIMIT)
    with transaction.atomic():
        proposal = _locked_draft(proposal)
        _check_room(proposal)
        digest = attachments.keep(content)
        same = proposal.attachments.filter(sha256=digest).first()
        if same is not None:
            raise AttachedAlready(name=same.name)
        attached = Attachment.objects.create(
            proposal=proposal,
            name=called,
            sha256=digest,
            size=len(content),
            added_by=actor,
            added_at=clock.now(),
        )
        _compile_again(proposal)
        _record_attached(attached, actor)
    return attached


def detach(attachment: Attachment, *, actor: Actor) -> None:
    """Take a file off a draft; the bytes stay, they may belong to another. Raises NotAllowed, NotADraft."""
    require_secretariat(actor)
    with transaction.atomic():
        proposal = _locked_draft(attachment.proposal)
        attachment.delete()
        _compile_again(proposal)
        record("proposal.detached", proposal, actor=actor, name=attachment.name, sha256=attachment.sha256)


def carry_over(proposal: Proposal, successor: Proposal, *, actor: Actor) -> None:
    """A proposal's files belong to its successor too, in the same order; the bytes are kept once."""
    files = list(proposal.attachments.all())
    for file in files:
        carried = Attachment.objects.create(
            proposal=successor,
            name=file.name,
            sha256=file.sha256,
            size=file.size,
            added_by=file.added_by,
            added_at=file.added_at,
        )
        _record_attached(carried, actor)
    if files:
        _compile_again(successor)


def _record_attached(file: Attachment, actor: Actor) -> None:
    known = {"name": file.name, "sha256": file.sha256}
    record("proposal.attached", file.proposal, actor=actor, size=file.size, **known)


def _locked_draft(proposal: Proposal) -> Proposal:
    proposal = locked(proposal)
    state = state_now(proposal)
    if state != rules.State.DRAFT:
        raise NotADraft(number=proposal.number, state=label(state))
    return proposal


def _check_room(proposal: Proposal) -> None:
    if proposal.attachments.count() >= attachments.MOST:
        raise TooManyAttachments(limit=attachments.MOST)


def _compile_again(proposal: Proposal) -> None:
    actions.compile_into(proposal)
    proposal.save(update_fields=["targets", "values", "calldatas", "description", "chain_proposal_id"])


def _file_name(name: str) -> str:
    """The file's own name: one line, no path. It goes on the ledger as it is."""
    called = unicodedata.normalize("NFC", checked("name", member_rules.line, name, NAME_LENGTH))
    if set(called) & _NAME_TAKEN_BY_SYSTEMS or called.startswith("."):
        raise InvalidInput(field="name", reason=_("a file's name has no path in it."))
    return called


def _text(text: str) -> str:
    cleaned = text.replace("\r\n", "\n").strip()
    if not cleaned:
        raise invalid("text", "required")
    if len(cleaned) > COMMENT_LENGTH:
        raise invalid("text", "too_long", maximum=COMMENT_LENGTH)
    for line in cleaned.split("\n"):
        if line.strip():
            checked("text", member_rules.line, line.replace("\t", " "), COMMENT_LENGTH)
    return cleaned
