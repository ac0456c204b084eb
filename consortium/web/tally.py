"""A vote's count against its rule, as pages draw it: bars with a mark, and a row for each category."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consortium.members.models import Category
from governance.proposals import rules, selectors

KINDS: dict[rules.Weightiness, Promise] = {
    rules.Weightiness.ROUTINE: gettext_lazy("routine"),
    rules.Weightiness.MEMBERSHIP: gettext_lazy("membership"),
    rules.Weightiness.CONSTITUTIONAL: gettext_lazy("constitutional"),
}


@dataclass(frozen=True)
class Piece:
    """A part of a bar: what it counts (for its colour), where it begins and how long it is, of 100."""

    kind: str
    start: str
    width: str


@dataclass(frozen=True)
class Meter:
    """One rule: a bar, the mark that it has to reach (of 100), and both in words."""

    label: str
    pieces: list[Piece]
    mark: str
    have: str
    need: str
    met: bool


@dataclass(frozen=True)
class Row:
    """One industry category."""

    name: str
    votes: rules.Category
    pieces: list[Piece]

    @property
    def silent(self) -> int:
        return self.votes.outstanding


@dataclass(frozen=True)
class Picture:
    """All of it; ``verdict`` says in a sentence how things stand."""

    kind: str
    meters: list[Meter]
    rows: list[Row]
    verdict: str
    good: bool


def picture(overview: selectors.Overview) -> Picture | None:
    """None until the ledger has the proposal."""
    count, outlook, kind = overview.count, overview.outlook, overview.kind
    if count is None or outlook is None or kind is None:
        return None
    meters = [_quorum(count), _approval(count)]
    if count.categories_needed:
        meters.append(_categories(count))
    return Picture(
        kind=str(KINDS[kind]),
        meters=meters,
        rows=_rows(overview),
        verdict=_verdict(overview.state, outlook),
        good=outlook.passes,
    )


def _quorum(count: rules.Count) -> Meter:
    votes, whole = count.tally, count.electorate
    present = votes.in_favour + votes.abstain
    numbers = {"n": count.quorum, "all": whole, "share": _fraction(count.rule.quorum)}
    return Meter(
        label=_("Quorum"),
        pieces=_pieces([("for", votes.in_favour), ("abstain", votes.abstain)], whole),
        mark=_mark(count.quorum, whole),
        have=_("%(n)d for and abstained") % {"n": present},
        need=_("%(share)s of %(all)d seats: %(n)d") % numbers,
        met=present >= count.quorum,
    )


def _approval(count: rules.Count) -> Meter:
    votes, (numerator, denominator) = count.tally, count.rule.approval
    decided = votes.in_favour + votes.against
    enough = votes.in_favour * denominator >= numerator * decided and votes.in_favour > votes.against
    half = 2 * numerator <= denominator
    need = _("more for than against") if half else _("%(share)s of for and against")
    return Meter(
        label=_("Approval"),
        pieces=_pieces([("for", votes.in_favour), ("against", votes.against)], decided),
        mark=_mark(numerator, denominator),
        have=_("%(f)d for, %(a)d against") % {"f": votes.in_favour, "a": votes.against},
        need=need % {"share": _fraction(count.rule.approval)},
        met=enough,
    )


def _categories(count: rules.Count) -> Meter:
    seated = sum(one.electorate > 0 for one in count.categories)
    wanted, won = count.categories_needed, count.categories_won
    return Meter(
        label=_("Industries"),
        pieces=_pieces([("for", won)], seated),
        mark=_mark(wanted, seated),
        have=ngettext("a majority in %(n)d category", "a majority in %(n)d categories", won) % {"n": won},
        need=_("in %(n)d of %(all)d categories") % {"n": wanted, "all": seated},
        met=won >= wanted,
    )


def _rows(overview: selectors.Overview) -> list[Row]:
    names = {category.number: category.name for category in Category.objects.all()}
    return [
        Row(names.get(share.number, str(share.number)), share.votes, _all_pieces(share.votes))
        for share in overview.by_category
    ]


def _all_pieces(votes: rules.Category) -> list[Piece]:
    tally = votes.tally
    counted = [("for", tally.in_favour), ("abstain", tally.abstain), ("against", tally.against)]
    return _pieces(counted, votes.electorate)


def _pieces(counted: list[tuple[str, int]], whole: int) -> list[Piece]:
    found, start = [], 0
    for kind, number in counted:
        if number:
            found.append(Piece(kind, _share(start, whole), _share(number, whole)))
        start += number
    return found


def _share(part: int, whole: int) -> str:
    """Of 100, for SVG: with a point in every language."""
    return f"{min(100.0, 100 * part / whole):.2f}" if whole > 0 else "0"


def _mark(part: int, whole: int) -> str:
    """As a share, but never so near the end that it can't be seen."""
    return _share(min(995 * whole, 1000 * part), 1000 * whole)


def _fraction(of: tuple[int, int]) -> str:
    return f"{of[0]}/{of[1]}"


def _verdict(state: rules.State, outlook: rules.Outlook) -> str:
    if state not in {rules.State.PENDING, rules.State.VOTING}:
        return _("It met its rule.") if outlook.passes else _("It did not meet its rule.")
    if not outlook.possible:
        return _("It can't pass any more, whoever still votes.")
    if outlook.passes:
        return _("It would pass as it stands; those who have not voted could still change that.")
    lacking = []
    if outlook.quorum_missing:
        form = ngettext("%(n)d vote for the quorum", "%(n)d votes for the quorum", outlook.quorum_missing)
        lacking.append(form % {"n": outlook.quorum_missing})
    if outlook.approval_missing:
        form = ngettext("%(n)d vote in favour", "%(n)d votes in favour", outlook.approval_missing)
        lacking.append(form % {"n": outlook.approval_missing})
    if outlook.categories_missing:
        number = outlook.categories_missing
        form = ngettext("a majority in %(n)d category", "a majority in %(n)d categories", number)
        lacking.append(form % {"n": number})
    return _("Still needed: %(what)s.") % {"what": _(", ").join(lacking)}
