"""What happens inside a bank before its ballot is handed in; see ``governance.proposals.mandates``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from consortium.core import clock, events
from consortium.core.errors import InvalidInput, NotAllowed, NotFound, ReasonRequired
from consortium.core.events import Actor
from consortium.members.errors import invalid
from consortium.members.models import Institution, User
from governance.proposals import facts, mandates, rules
from governance.proposals.errors import (
    AnotherMembersBallot,
    NotProposed,
    SignedAlready,
    VotingClosed,
    VotingNotOpen,
)
from governance.proposals.mandates import Mandate, Substitution, VotingDuty
from governance.proposals.models import Ballot, Proposal
from governance.proposals.services.common import state_now

_REASON_LENGTH = 1000  # characters
_NOT_YET = {rules.State.DRAFT, rules.State.DISCARDED, rules.State.REFUSED}
_DECIDING = {rules.State.SUBMITTING, rules.State.PENDING, rules.State.VOTING}


def propose_vote(proposal: Proposal, *, support: int, reason: str, actor: Actor) -> Mandate:
    """Propose how the actor's bank votes; replaces what was proposed before and is not signed yet.

    Raises AnotherMembersBallot, what ``mandates.desk`` raises, VotingNotOpen, VotingClosed, SignedAlready,
    ReasonRequired, InvalidInput.
    """
    officer, bank = _officer(actor)
    if support not in list(rules.Vote):
        raise invalid("support", "unknown_choice", known="0, 1, 2")
    said, now = _reason(reason), clock.now()
    with transaction.atomic():
        officer = hold(bank, officer)
        desk = mandates.desk(officer, now)
        _check_deciding(proposal)
        _set_aside(proposal, bank, now)
        mandate = Mandate.objects.create(
            proposal=proposal,
            institution=bank,
            support=support,
            reason=said,
            proposed_by=officer,
            proposed_for=desk.place,
            proposed_at=now,
        )
        _record("ballot.proposed", mandate, actor=officer, stands_in=desk.stands_in)
    return mandate


def withdraw_vote(proposal: Proposal, *, actor: Actor, reason: str) -> Mandate:
    """Take back what the bank's officer proposed. The reason stays inside the bank, as the choice does.

    Raises NotProposed, SignedAlready, ReasonRequired, what ``mandates.desk`` raises.
    """
    officer, bank = _officer(actor)
    said = _reason(reason)
    with transaction.atomic():
        officer = hold(bank, officer)
        mandates.desk(officer, clock.now())
        mandate = _set_aside(proposal, bank, clock.now(), said)
        if mandate is None:
            raise NotProposed
        _record("ballot.proposal_withdrawn", mandate, actor=officer)
    return mandate


def set_duty(officer: User, *, votes: bool, actor: Actor, reason: str) -> VotingDuty:
    """Say whether an officer takes part in its bank's votes. By a colleague who does, never by itself.

    Raises NotFound for another bank's officer, NotAllowed, ReasonRequired, NoVotingDuty.
    """
    colleague, bank = _officer(actor)
    said = _reason(reason)
    with transaction.atomic():
        colleague = hold(bank, colleague)  # else two take each other out at once, and nobody is left
        _check_colleague(colleague, bank, officer)
        duty, _made = VotingDuty.objects.update_or_create(
            officer=officer, defaults={"votes": votes, "set_by": colleague, "set_at": clock.now()}
        )
        events.record(
            "account.voting_duty_set",
            officer,
            actor=colleague,
            reason=said,
            institution_id=bank.pk,
            votes=votes,
        )
    return duty


def name_substitute(
    absent: User, *, substitute: User, starts: datetime, ends: datetime, actor: Actor, reason: str
) -> Substitution:
    """Let ``substitute`` take ``absent``'s place in votes for a time. Named by ``absent`` or a colleague.

    Raises NotFound, NotAllowed (who would name itself), InvalidInput, ReasonRequired, NoVotingDuty.
    """
    namer, bank = _officer(actor)
    said = _reason(reason)
    if ends <= max(starts, clock.now()):
        raise InvalidInput(field="ends", reason=_("the time has to end after it begins, and later than now."))
    with transaction.atomic():
        namer = hold(bank, namer)
        _check_may_name(namer, bank, absent, substitute)
        made = Substitution.objects.create(
            institution=bank,
            absent=absent,
            substitute=substitute,
            starts=starts,
            ends=ends,
            reason=said,
            named_by=namer,
            named_at=clock.now(),
        )
        period = {"starts": starts.isoformat(), "ends": ends.isoformat()}
        _record_cover("substitution.named", made, actor=namer, reason=said, **period)
    return made


def end_substitution(substitution: Substitution, *, actor: Actor, reason: str) -> Substitution:
    """End a substitution before its time. Raises NotFound, NoVotingDuty, ReasonRequired."""
    officer, bank = _officer(actor)
    said = _reason(reason)
    if substitution.institution_id != bank.pk:
        raise NotFound
    with transaction.atomic():
        officer = hold(bank, officer)
        mandates.desk(officer, clock.now())
        ended = (
            mandates.substitutions(bank).select_for_update(no_key=True, of=("self",)).get(pk=substitution.pk)
        )
        if clock.now() < ended.until:
            ended.ended_at = clock.now()
            ended.save(update_fields=["ended_at"])
            _record_cover("substitution.ended", ended, actor=officer, reason=said)
    return ended


def _check_may_name(namer: User, bank: Institution, absent: User, substitute: User) -> None:
    if {absent.institution_id, substitute.institution_id} != {bank.pk}:
        raise NotFound
    if namer.pk == substitute.pk:
        raise NotAllowed  # nobody makes itself a substitute
    if absent.pk == substitute.pk:
        raise InvalidInput(field="substitute", reason=_("name another officer."))
    if mandates.desk(namer, clock.now()).stands_in:
        raise NotAllowed  # who stands in for somebody passes that on to nobody


def _check_colleague(colleague: User, bank: Institution, officer: User) -> None:
    if officer.institution_id != bank.pk:
        raise NotFound
    if officer.pk == colleague.pk or mandates.desk(colleague, clock.now()).stands_in:
        raise NotAllowed


def _officer(actor: Actor) -> tuple[User, Institution]:
    """Neither secretariat nor regulator nor any part of the console has a say inside a bank."""
    if not (isinstance(actor, User) and actor.is_member and actor.is_active) or actor.institution is None:
        raise AnotherMembersBallot
    return actor, actor.institution


def _reason(reason: str) -> str:
    said = reason.strip()
    if not said:
        raise ReasonRequired
    if len(said) > _REASON_LENGTH:
        raise invalid("reason", "too_long", maximum=_REASON_LENGTH)
    return said


def _check_deciding(proposal: Proposal) -> None:
    state = state_now(proposal)
    if state in _NOT_YET:
        raise VotingNotOpen
    if state not in _DECIDING:
        raise VotingClosed


def hold(bank: Institution, officer: User) -> User:
    """Two officers at once come one after the other; taking in a ballot holds the same lock.

    Gives the officer as it is once the lock is held: a colleague may just have ended its duty.
    """
    lock(bank)
    return User.objects.select_related("voting_duty").get(pk=officer.pk)


def lock(bank: Institution) -> None:
    """One at a time for this bank until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM members_institution WHERE id = %s FOR NO KEY UPDATE", [bank.pk])


def _set_aside(proposal: Proposal, bank: Institution, now: datetime, because: str = "") -> Mandate | None:
    earlier = Mandate.objects.filter(proposal=proposal, institution=bank, withdrawn_at__isnull=True).first()
    if earlier is None:
        return None
    if earlier.ballot is not None and not _refused(earlier.ballot):
        raise SignedAlready
    earlier.withdrawn_at, earlier.withdrawn_because = now, because
    earlier.save(update_fields=["withdrawn_at", "withdrawn_because"])
    return earlier


def _refused(ballot: Ballot) -> bool:
    return ballot.relay.status in facts.REFUSED_RELAYS


def _record(action: str, mandate: Mandate, *, actor: User, **data: Any) -> None:
    """Without the choice and its reason: the record is read outside the bank as well."""
    events.record(
        action,
        mandate,
        actor=actor,
        institution_id=mandate.institution_id,
        number=mandate.proposal.number,
        **data,
    )


def _record_cover(action: str, substitution: Substitution, *, actor: User, reason: str, **data: Any) -> None:
    events.record(
        action,
        substitution,
        actor=actor,
        reason=reason,
        institution_id=substitution.institution_id,
        substitute=substitution.substitute.get_username(),
        absent=substitution.absent.get_username(),
        **data,
    )
