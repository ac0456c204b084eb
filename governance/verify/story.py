"""What a check works on: the bundle, the source that it is held against, and whom the reader trusts."""

from __future__ import annotations

from dataclasses import dataclass, field

from governance.verify import evidence
from governance.verify.document import Bundle
from governance.verify.errors import CannotCheck, NotProven
from governance.verify.events import Event
from governance.verify.evidence import Scope
from governance.verify.sources import Source
from governance.verify.tally import Seat

_MILLISECONDS = 10**11  # a moment above this is no number of seconds of our time


@dataclass(frozen=True)
class Finding:
    """One thing that was proven, and by what. ``code``: of one that the reader had better look at."""

    what: str
    by: str
    code: str = ""


@dataclass(frozen=True)
class Trusted:
    """What the reader says of the alliance's contracts (EIP-55), so that no bundle can choose them.

    ``since``: no seat was given in an earlier block.
    """

    governor: str | None = None
    seats: str | None = None
    timelock: str | None = None
    since: int | None = None


@dataclass
class Story:
    """The bundle, the source that it is held against, and what was learnt on the way."""

    bundle: Bundle
    source: Source
    trusted_root: bytes | None = None
    trusted: Trusted = field(default_factory=Trusted)
    events: list[Event] = field(default_factory=list)
    found_scope: Scope | None = None
    electors: dict[str, Seat] = field(default_factory=dict)
    votes: list[Event] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)  # voters whose vote counts without a ballot

    @property
    def scope(self) -> Scope:
        """Which contracts the story plays in. Raises CannotCheck before that is known."""
        if self.found_scope is None:
            raise CannotCheck("nothing_to_export")
        return self.found_scope

    def named(self, *names: str) -> list[Event]:
        """Events of these names, each from the contract whose word it is, and of this proposal."""
        return [event for event in self.events if event.name in names and self.scope.speaks(event)]

    def one(self, name: str) -> Event:
        """The only event of that name. Raises NotProven."""
        return only(self.named(name), name)

    def moment(self, event: Event, ticks: int) -> int:
        """The block's time in the ledger's own unit, in which ``ticks`` was given."""
        return in_ticks(self.source.header(event.block).timestamp, ticks)


def in_ticks(seconds: int, ticks: int) -> int:
    """A time in seconds in the unit in which ``ticks`` was given."""
    return seconds * 1000 if ticks > _MILLISECONDS else seconds


def only(found: list[Event], name: str) -> Event:
    """The one event that there has to be. Raises NotProven."""
    if len(found) != 1:
        raise NotProven("event_count", count=len(found), name=name)
    return found[0]


def scope_of(story: Story) -> Scope:
    """Which contracts the story plays in: as the reader says, or the governor that the reader trusts.

    Without either, the seats contract is not known, and nothing that the bundle says could make up for it.
    Raises CannotCheck, NotProven.
    """
    asked, governor, since = story.bundle.proposal, story.bundle.governor, story.trusted.since
    if since is not None and story.source.first > since:
        raise NotProven("begins_late", first=story.source.first, since=since)
    seats = _seats(story)
    closed = [one for one in story.events if one.name == "FoundingClosed" and one.address.lower() == seats]
    executor = only(closed, "FoundingClosed").args["executor"]
    timelock = story.trusted.timelock or story.source.timelock_of(governor) or executor
    return evidence.scope(
        governor=governor,
        seats=seats,
        timelock=timelock,
        proposal_id=asked.id,
        content=(asked.targets, asked.values, asked.calldatas, asked.description),
    )


def _seats(story: Story) -> str:
    counted = story.source.seats_of(story.bundle.governor)
    given = story.trusted.seats and story.trusted.seats.lower()
    if given and counted and given != counted:
        raise NotProven("other_seats", counted=counted, seats=given)
    found = given or counted
    if not found:
        raise CannotCheck("seats_untold")
    return found
