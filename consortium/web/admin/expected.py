"""What would come of a proposal, as panels: shown before it is opened, and so before anyone votes."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consortium.web import foreseen, wording
from consortium.web.admin import panels
from consortium.web.portal import words
from governance.chain.models import ActionKind
from governance.permissions import preview as lists
from governance.permissions.rules import ListedNode
from governance.proposals import actions, preview, simulation, terms
from governance.proposals.constitution import Change
from governance.proposals.models import Proposal


def is_draft(row: Proposal) -> bool:
    """Not opened yet, or refused by the ledger: it may still be opened."""
    refused = row.propose_tx is not None and row.propose_tx.status in {"refused", "reverted"}
    return row.discarded_at is None and (row.opened_at is None or refused)


def is_unopened(row: Proposal) -> bool:
    """A draft that was never handed to the ledger: what it says may still change."""
    return row.discarded_at is None and row.opened_at is None


def steps_panel(row: Proposal) -> panels.Panel:
    """What it does; of one that may still be opened, what opening it now would freeze (nothing is saved)."""
    if is_draft(row):
        actions.compile_into(row)
    return panels.steps(_("What it does on the ledger"), words.steps(row))


def panels_of(row: Proposal) -> Iterable[panels.Panel]:
    """What members will be asked, on which terms, and what would come of it."""
    yield from consequences(row)
    yield panels.text(_("Text that members vote on"), row.text)


def consequences(row: Proposal) -> Iterable[panels.Panel]:
    """The calls in words, the terms of the vote, the simulation, and who and what is affected."""
    yield steps_panel(row)
    seen = preview.preview(row)
    yield panels.facts(
        _("The vote"),
        [
            (_("hash of the text (SHA-256)"), panels.code(row.text_sha256)),
            (_("kind of action"), ActionKind(seen.kind).label),
            (_("voting lasts"), wording.time_left(int(seen.terms.period.total_seconds()))),
            (_("quorum"), _quorum(seen.terms)),
            (_("in favour"), _approval(seen.terms)),
            (_("If it were carried out now"), _verdict(row, seen.simulation)),
        ],
    )
    yield from _charter(seen.charter)
    yield from _lists(seen)
    yield panels.facts(_("Whom it affects"), [(_("members"), _members(seen))])


def _charter(changes: list[Change] | None) -> Iterable[panels.Panel]:
    """What it changes about the voting itself; nothing where it changes none of that."""
    if changes is None:
        yield panels.facts(_("The voting itself"), [(_("changes"), gettext("The ledger does not answer."))])
    elif changes:
        rows = [(one.what, one.now, _then(one)) for one in changes]
        yield panels.table(_("The voting itself"), (_("what"), _("now"), _("afterwards")), rows)


def _then(change: Change) -> str:
    return panels.pill(change.then, "warning") if change.differs else change.then


def _lists(seen: preview.Preview) -> Iterable[panels.Panel]:
    """Each network's list, and whether its validators still reach a quorum."""
    rows = [
        (
            f"{change.network} ({change.network.pk})",
            _named(node.name for node in change.entering),
            _named(node.name for node in change.leaving),
            _named(_changed(*pair) for pair in change.changed),
            _named(_accounts(change)),
            _named(_freezes(change)),
            _validators(change.before),
            _validators(change.after),
            _goes_on(change),
        )
        for change in lists.changes(seen.calls)
    ]
    headers = (
        _("network"),
        _("enters"),
        _("leaves"),
        _("changes"),
        _("accounts"),
        _("freezes"),
        _("validators now"),
        _("validators afterwards"),
        _("goes on"),
    )
    title = _("The networks' lists")
    if rows:
        yield panels.table(title, headers, rows)
    else:
        yield panels.facts(title, [(_("changes"), _("No network's list changes at once."))])


def _changed(now: ListedNode, then: ListedNode) -> str:
    return f"{then.name}: {foreseen.role(now.role)} → {foreseen.role(then.role)}"


def _accounts(change: lists.NetworkChange) -> Iterable[str]:
    """Each account with what it may do now and afterwards; – is nothing."""
    pairs = [(one, "–", foreseen.permission(one.permission)) for one in change.accounts_entering]
    pairs += [(one, foreseen.permission(one.permission), "–") for one in change.accounts_leaving]
    pairs += [
        (then, foreseen.permission(now.permission), foreseen.permission(then.permission))
        for now, then in change.accounts_changed
    ]
    return [f"{one.address}: {now} → {then}" for one, now, then in pairs]


def _freezes(change: lists.NetworkChange) -> Iterable[str]:
    yield from (gettext("%(node)s is frozen") % {"node": node.name} for node in change.freezing)
    yield from (gettext("%(node)s is let in again") % {"node": node.name} for node in change.thawing)


def _validators(found: lists.Validators) -> str:
    return gettext("%(taking_part)d of %(registered)d, %(needed)d needed") % {
        "taking_part": found.taking_part,
        "registered": found.registered,
        "needed": found.needed,
    }


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "–"


def _members(seen: preview.Preview) -> str:
    return _named(map(str, seen.members))


def _goes_on(change: lists.NetworkChange) -> str:
    if change.is_danger:
        return panels.pill(_("the network stops"), "grave")
    if not change.after.quorum_survives:
        return panels.pill(_("stands still, as now"), "warning")
    return panels.pill(_("yes"), "good")


def _verdict(row: Proposal, found: simulation.Simulation | None) -> str:
    told = foreseen.answer(row, found)
    if found is None and not told.caveats:
        return told.sentence
    tone = {"good": "good", "bad": "grave"}.get(told.tone, "warning")
    return format_html("{} {}", panels.pill(told.sentence, tone), " ".join(told.caveats))


def _quorum(held: terms.Terms) -> str:
    return gettext("%(quorum)d of %(electorate)d seats (for and abstained)") % {
        "quorum": held.quorum,
        "electorate": held.electorate,
    }


def _approval(held: terms.Terms) -> str:
    share, of_share = held.rule.approval
    return gettext(
        "more for than against and at least %(share)s of both, a majority in %(categories)s categories"
    ) % {
        "share": f"{share}/{of_share}",
        "categories": held.count.categories_needed,
    }
