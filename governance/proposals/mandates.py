"""Inside a bank a ballot takes two: one officer proposes how to vote, another hands the ballot in.

What is kept here is the bank's own business. The ledger sees one ballot, and other institutions see nothing
until it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from consortium.core.models import new_id
from consortium.members.models import Institution, User
from governance.chain.models import CastVote
from governance.proposals.errors import (
    NotProposed,
    NoVotingDuty,
    OtherChoice,
    OwnProposal,
    SecondOfficerNeeded,
    SubstituteNotYet,
    SubstituteTimeOver,
)
from governance.proposals.models import Ballot, Proposal


class Mandate(models.Model):
    """How an officer proposes that the bank votes on a proposal. The latest one stands until it is signed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    proposal = models.ForeignKey(
        Proposal, models.PROTECT, related_name="mandates", verbose_name=_("proposal")
    )
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="+", verbose_name=_("institution")
    )
    support = models.PositiveSmallIntegerField(_("vote"), choices=CastVote.Support)
    reason = models.TextField(_("reason"))
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("proposed by"))
    # whose place ``proposed_by`` took: itself, or the officer it stood in for
    proposed_for = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("proposed for"))
    proposed_at = models.DateTimeField(_("proposed"))
    withdrawn_at = models.DateTimeField(pgettext_lazy("time", "withdrawn"), null=True, blank=True)
    withdrawn_because = models.TextField(_("reason for withdrawing"), blank=True)
    ballot = models.OneToOneField(
        Ballot, models.PROTECT, null=True, blank=True, related_name="mandate", verbose_name=_("ballot")
    )

    class Meta:
        verbose_name = _("vote proposed in a bank")
        verbose_name_plural = _("votes proposed in banks")
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "institution"],
                condition=Q(withdrawn_at__isnull=True),
                name="mandate_one_standing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.institution.short_name} {self.record_label}"

    @property
    def record_label(self) -> str:
        """What events call it. How the bank means to vote is not for the record that others read."""
        return f"#{self.proposal.number}"


class VotingDuty(models.Model):
    """Whether an officer takes part in its bank's votes. An officer without a row does."""

    officer = models.OneToOneField(
        User, models.PROTECT, primary_key=True, related_name="voting_duty", verbose_name=_("officer")
    )
    votes = models.BooleanField(_("takes part in votes"), default=True)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("set by"))
    set_at = models.DateTimeField(_("set at"))

    class Meta:
        verbose_name = _("voting duty")
        verbose_name_plural = _("voting duties")

    def __str__(self) -> str:
        return self.officer.get_username()


class Substitution(models.Model):
    """Leave cover: ``substitute`` takes ``absent``'s place in votes from ``starts`` until ``ends``."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="+", verbose_name=_("institution")
    )
    absent = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("officer on leave"))
    substitute = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("substitute"))
    starts = models.DateTimeField(pgettext_lazy("time", "from"))
    ends = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=1000)
    named_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("named by"))
    named_at = models.DateTimeField(_("named at"))
    ended_at = models.DateTimeField(_("ended early"), null=True, blank=True)

    class Meta:
        verbose_name = _("substitution")
        verbose_name_plural = _("substitutions")
        ordering = ["-starts"]
        constraints = [
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="substitution_has_a_period"),
            models.CheckConstraint(condition=~Q(absent=F("substitute")), name="substitute_is_another"),
        ]
        indexes = [models.Index(fields=["substitute", "ends"], name="substitution_of")]

    def __str__(self) -> str:
        return f"{self.substitute.get_username()} → {self.absent.get_username()}"

    @property
    def record_label(self) -> str:
        return str(self)

    @property
    def until(self) -> datetime:
        """When it ends, or ended."""
        return self.ends if self.ended_at is None else min(self.ended_at, self.ends)

    def runs(self, now: datetime) -> bool:
        return self.starts <= now < self.until and _has_duty(self.absent)


@dataclass(frozen=True)
class Desk:
    """An officer at a bank's voting desk: ``person`` acts, in ``place`` of itself or of one on leave."""

    person: User
    place: User

    @property
    def stands_in(self) -> bool:
        return self.person.pk != self.place.pk


def desk(officer: User, now: datetime) -> Desk:
    """In whose place the officer may act in votes at ``now``.

    Raises SubstituteTimeOver, SubstituteNotYet or NoVotingDuty for one who may not.
    """
    if _has_duty(officer):
        return Desk(officer, officer)
    covers = list(
        Substitution.objects.filter(substitute=officer).select_related("absent", "absent__voting_duty")
    )
    running = [cover for cover in covers if cover.runs(now)]
    if running:
        return Desk(officer, running[0].absent)
    raise _why_not(covers, now)


def standing(proposal: Proposal, institution: Institution) -> Mandate | None:
    """The bank's own proposal that counts now; None where none was made, or its author was dismissed."""
    rows = standing_rows(proposal, institution)
    return rows.select_related("proposed_by", "proposed_for", "institution", "proposal", "ballot").first()


def standing_rows(proposal: Proposal, institution: Institution) -> models.QuerySet[Mandate]:
    """The one of :func:`standing`, if there is one, without what it refers to."""
    rows = Mandate.objects.filter(proposal=proposal, institution=institution, withdrawn_at__isnull=True)
    return rows.filter(proposed_by__is_active=True)


def officers_able(institution: Institution, now: datetime) -> list[User]:
    """Officers of the bank that may take part in its votes at ``now``."""
    officers = list(institution.officers.filter(is_active=True).select_related("voting_duty").order_by("pk"))
    covered = _covering(officers, now)
    return [officer for officer in officers if _has_duty(officer) or officer.pk in covered]


def substitutions(institution: Institution) -> models.QuerySet[Substitution]:
    """All that were ever named, the latest to begin first."""
    return Substitution.objects.filter(institution=institution).select_related(
        "absent", "substitute", "named_by"
    )


def check(mandate: Mandate | None, *, officer: User, support: int, now: datetime) -> Mandate:
    """The mandate that ``officer`` may hand a ballot in under.

    Raises NotProposed, OwnProposal, OtherChoice, SecondOfficerNeeded, and what :func:`desk` raises.
    """
    here = desk(officer, now)
    if mandate is None:
        raise _alone(officer, now) or NotProposed
    if {here.person.pk, here.place.pk} & {mandate.proposed_by_id, mandate.proposed_for_id}:
        raise _alone(officer, now) or OwnProposal
    if mandate.support != support:
        raise OtherChoice(
            proposed=CastVote.Support(mandate.support).label, signed=CastVote.Support(support).label
        )
    return mandate


def alone(officer: User, now: datetime) -> bool:
    """Whether nobody else of the officer's bank could sign what it proposes."""
    bank = officer.institution
    return bank is not None and all(other.pk == officer.pk for other in officers_able(bank, now))


def _alone(officer: User, now: datetime) -> SecondOfficerNeeded | None:
    return SecondOfficerNeeded(institution=str(officer.institution)) if alone(officer, now) else None


def _has_duty(officer: User) -> bool:
    if not officer.is_active:
        return False
    duty: VotingDuty | None = getattr(officer, "voting_duty", None)
    return duty is None or duty.votes


def _covering(officers: Iterable[User], now: datetime) -> set[int]:
    rows = Substitution.objects.filter(substitute__in=officers, starts__lte=now, ends__gt=now)
    return {row.substitute_id for row in rows.select_related("absent__voting_duty") if row.runs(now)}


def _why_not(covers: list[Substitution], now: datetime) -> Exception:
    begun = [cover for cover in covers if cover.starts <= now and cover.starts < cover.until]
    coming = [cover for cover in covers if now < cover.starts < cover.until]
    if begun:
        last = max(begun, key=lambda cover: cover.until)
        return SubstituteTimeOver(absent=_name(last.absent), ended=f"{last.until:%Y-%m-%d %H:%M %Z}")
    if coming:
        first = min(coming, key=lambda cover: cover.starts)
        return SubstituteNotYet(absent=_name(first.absent), starts=f"{first.starts:%Y-%m-%d %H:%M %Z}")
    return NoVotingDuty()


def _name(person: User) -> str:
    return person.get_full_name() or person.get_username()
