"""What becomes of a proposal, step by step to the nodes: voted, queued, executed, applied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from consortium.core import clock
from governance import bundles
from governance.proposals import facts, rules, selectors

_PASSED = {rules.State.SUCCEEDED, rules.State.QUEUED, rules.State.EXECUTED}
_OVER = {rules.State.DEFEATED, rules.State.CANCELED, rules.State.DISCARDED}


@dataclass(frozen=True)
class Stage:
    """One step: ``state`` is done, now, failed or open; ``note`` says more in words."""

    label: str
    state: str
    at: datetime | None = None
    note: str = ""
    tx_hash: str = ""


def stages(overview: selectors.Overview) -> list[Stage]:
    """Empty before the ledger has the proposal, and for one that came to nothing."""
    row = facts.read_one(overview.proposal).on_ledger
    if row is None or overview.state in _OVER:
        return []
    found = [_approved(overview), _queued(overview, row.queued_at, row.effective_at, row.queued_tx)]
    found.append(_executed(overview))
    if overview.state == rules.State.EXECUTED:
        found += [_applied(one) for one in bundles.applied(overview.proposal)]
    return found


def _approved(overview: selectors.Overview) -> Stage:
    passed = overview.state in _PASSED
    return Stage(_("Approved by the members"), "done") if passed else Stage(_("The members vote"), "now")


def _queued(overview: selectors.Overview, at: datetime | None, due: datetime | None, tx_hash: str) -> Stage:
    label = _("Queued: waits for its effective time")
    if at is None:
        refused = overview.state == rules.State.SUCCEEDED and overview.effect.is_retryable
        return Stage(
            label, "failed" if refused else _open(overview, rules.State.SUCCEEDED), note=_why(overview)
        )
    waits = overview.state == rules.State.QUEUED and due is not None and clock.now() < due
    return Stage(
        label,
        "now" if waits else "done",
        due if waits else at,
        pgettext("time", "until") if waits else "",
        tx_hash,
    )


def _executed(overview: selectors.Overview) -> Stage:
    label, effect = _("Executed on the ledger"), overview.effect
    if effect.status == selectors.EffectStatus.DONE:
        return Stage(label, "done", effect.at, tx_hash=effect.tx_hash)
    if effect.is_retryable and overview.state == rules.State.QUEUED:
        return Stage(label, "failed", note=_why(overview), tx_hash=effect.tx_hash)
    due = effect.status == selectors.EffectStatus.WAITING and overview.state == rules.State.QUEUED
    return Stage(label, "now" if due else "open")


def _applied(one: bundles.Applied) -> Stage:
    label = _("In force on network %(network)s") % {"network": one.network}
    if one.epoch is None:
        return Stage(
            label, "open", note=_("the list did not change yet: a node without certificate is not on it")
        )
    numbers = {"n": one.applied, "all": one.nodes, "epoch": one.epoch}
    note = _("applied by %(n)d of %(all)d nodes, list %(epoch)d") % numbers
    return Stage(label, "done" if one.applied == one.nodes else "now", note=note)


def _why(overview: selectors.Overview) -> str:
    if not overview.effect.is_retryable:
        return ""
    words = {"code": overview.effect.error_code, "n": overview.effect.attempts}
    if overview.effect.waits_for_a_person:
        return _("failed: %(code)s; after %(n)d attempts it is tried only if the secretariat asks") % words
    return _("failed: %(code)s; tried again by itself, and by the secretariat at once") % words


def _open(overview: selectors.Overview, now: rules.State) -> str:
    return "now" if overview.state == now else "open"
