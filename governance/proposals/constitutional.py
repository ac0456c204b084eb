"""Guards of what changes the voting itself: durations, guardians, who proposes, who governs."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from consortium.core.errors import InvalidInput
from governance.chain import succession
from governance.chain.models import Ledger
from governance.proposals import charter
from governance.proposals.errors import NoAnchors, NoGuardians, NothingChanges
from governance.proposals.models import Kind, ProposalAction

# About no institution. A change of rules is of the same sort, and guarded where the rules are.
KINDS = frozenset(
    {
        Kind.CHANGE_TERMS,
        Kind.CHANGE_GUARDIANS,
        Kind.NAME_GUARDIAN,
        Kind.SET_CONVENER,
        Kind.SET_PUBLISHER,
        Kind.HAND_OVER,
    }
)
_TO_AN_ADDRESS = frozenset({Kind.NAME_GUARDIAN, Kind.SET_CONVENER, Kind.SET_PUBLISHER, Kind.HAND_OVER})
_OR_NOBODY = _TO_AN_ADDRESS - {Kind.HAND_OVER}


def needs_address(kind: str) -> bool:
    return kind in _TO_AN_ADDRESS


def may_name_nobody(kind: str) -> bool:
    """Whether the zero address means something."""
    return kind in _OR_NOBODY


def check_fields(action: ProposalAction) -> None:
    """Raise InvalidInput for what does not go with the kind, or what no contract would take."""
    _check_durations(action)
    _check_guardians(action)
    if action.break_glass and action.kind != Kind.HAND_OVER:
        raise InvalidInput(
            field="break_glass", reason=_("name it only where another governor takes over with it.")
        )


def check_office(ledger: Ledger, action: ProposalAction) -> None:
    """Raise NoGuardians, NoAnchors, NothingChanges: what the action starts from is not so."""
    if action.kind == Kind.CHANGE_GUARDIANS and not ledger.break_glass:
        raise NoGuardians
    if action.kind == Kind.SET_PUBLISHER and not ledger.anchors:
        raise NoAnchors
    if action.kind == Kind.HAND_OVER and action.address == ledger.governor:
        raise NothingChanges(address=action.address)


def check_contracts(ledger: Ledger, done: Iterable[ProposalAction]) -> None:
    """Ask the contracts that would take an office whether they fit.

    Outside of transactions, as it asks the ledger. Raises NotThisContract, ContractDoesNotFit,
    LedgerUnreachable, OtherLedger.
    """
    for action in done:
        if action.kind == Kind.HAND_OVER and action.address not in {"", ledger.governor}:
            succession.check_governor(ledger, action.address)
            if action.break_glass:
                succession.check_guardian(ledger, action.break_glass, governor=action.address)
        if action.kind == Kind.NAME_GUARDIAN and action.address not in {"", charter.NOBODY}:
            succession.check_guardian(ledger, action.address, governor=ledger.governor)


def collide(one: ProposalAction, other: ProposalAction) -> bool:
    """Whether both would settle the same matter."""
    if one.kind != other.kind:
        return False
    if one.kind == Kind.CHANGE_TERMS:
        return bool((one.durations or {}).keys() & (other.durations or {}).keys())
    return True


def _check_durations(action: ProposalAction) -> None:
    durations = action.durations or {}
    if (action.kind == Kind.CHANGE_TERMS) != bool(durations):
        raise InvalidInput(
            field="durations",
            reason=_("name one duration at least for a change of durations, and only for it."),
        )
    for name, seconds in durations.items():
        if name not in charter.DURATIONS:
            raise InvalidInput(
                field="durations", reason=_("there is no duration “%(name)s”.") % {"name": name}
            )
        if not charter.duration_fits(name, seconds):
            raise InvalidInput(
                field=name,
                reason=_("between %(least)d seconds and %(days)d days.")
                % {"least": charter.DURATIONS[name], "days": charter.LONGEST // 86400},
            )


def _check_guardians(action: ProposalAction) -> None:
    wanted = action.kind == Kind.CHANGE_GUARDIANS
    listed = action.guardians or []
    if wanted != bool(listed) or wanted != (action.threshold is not None):
        raise InvalidInput(
            field="guardians",
            reason=_("name the guardians and how many of them must agree, for a change of guardians only."),
        )
    if not wanted or action.threshold is None:
        return
    if not charter.guardians_fit(listed):
        raise InvalidInput(
            field="guardians",
            reason=_("%(fewest)d to %(most)d different addresses.")
            % {"fewest": charter.FEWEST_AGREE, "most": charter.MOST_GUARDIANS},
        )
    if not charter.threshold_fits(action.threshold, listed):
        raise InvalidInput(
            field="threshold",
            reason=_("at least %(fewest)d must agree, and at most all %(all)d.")
            % {"fewest": charter.FEWEST_AGREE, "all": len(listed)},
        )
