"""What the ledger says about a seat, and what becomes of the institution."""

from __future__ import annotations

import pytest

from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.members.services import follow_ledger
from consortium.members.services.ledger import SeatState
from consortium.members.states import Status
from tests.factories import InstitutionFactory

pytestmark = pytest.mark.django_db


def follow(institution: Institution, *seats: SeatState) -> list[str]:
    """The actions that each of these seats in turn leaves in the record."""
    for block, seat in enumerate(seats, start=1):
        follow_ledger(institution, seat=seat, block=block, tx_hash=f"0x{block}")
    return [e.action.removeprefix("institution.") for e in Event.objects.order_by("id")]


def status_of(institution: Institution) -> str:
    institution.refresh_from_db()
    return institution.status


@pytest.mark.parametrize(
    ("start", "seats", "actions", "end"),
    [
        (Status.IN_REVIEW, ["active"], ["admitted", "activated"], Status.ACTIVE),
        (Status.ADMITTED, ["active"], ["activated"], Status.ACTIVE),
        (Status.ADMITTED, ["suspended"], ["activated", "suspended"], Status.SUSPENDED),
        (Status.ACTIVE, ["suspended"], ["suspended"], Status.SUSPENDED),
        (Status.SUSPENDED, ["active"], ["reinstated"], Status.ACTIVE),
        (Status.SUSPENDED, ["revoked"], ["exited"], Status.EXITED),
        (Status.ACTIVE, ["revoked"], ["exited"], Status.EXITED),
        (Status.IN_REVIEW, ["revoked"], ["admitted", "activated", "exited"], Status.EXITED),
    ],
)
def test_the_status_follows_the_seat_step_by_step(
    start: Status, seats: list[SeatState], actions: list[str], end: Status
) -> None:
    institution = InstitutionFactory(status=start)
    assert follow(institution, *seats) == actions
    assert status_of(institution) == end


@pytest.mark.parametrize("seat", ["active", "suspended", "revoked", "none"])
def test_twice_is_once(seat: SeatState) -> None:
    institution = InstitutionFactory()
    once = follow(institution, seat)
    assert follow(institution, seat) == once


@pytest.mark.parametrize("start", [Status.APPLIED, Status.MORE_INFORMATION_NEEDED, Status.DECLINED])
def test_a_seat_granted_while_the_review_went_elsewhere_is_still_a_seat(start: Status) -> None:
    """The members' vote stands; the record says what was set aside for it."""
    institution = InstitutionFactory(status=start)
    assert follow(institution, "active") == ["ledger_corrected", "admitted", "activated"]
    assert status_of(institution) == Status.ACTIVE
    first = Event.objects.order_by("id")[0]
    assert (first.data["before"], first.data["after"]) == (start, Status.IN_REVIEW)


@pytest.mark.parametrize(
    "start",
    [Status.APPLIED, Status.IN_REVIEW, Status.MORE_INFORMATION_NEEDED, Status.DECLINED, Status.ADMITTED],
)
@pytest.mark.parametrize("seats", [["active"], ["active", "suspended"], ["suspended", "revoked"]])
def test_when_a_reorganisation_takes_the_seat_away_the_status_before_it_is_back(
    start: Status, seats: list[SeatState]
) -> None:
    institution = InstitutionFactory(status=start)
    assert follow(institution, *seats, "none")[-1] == "ledger_corrected"
    assert status_of(institution) == start
    assert Event.objects.first().data["after"] == start  # type: ignore[union-attr]


def test_the_seat_comes_again_after_the_reorganisation() -> None:
    institution = InstitutionFactory()
    actions = follow(institution, "active", "none", "active")
    assert actions == ["admitted", "activated", "ledger_corrected", "admitted", "activated"]
    assert status_of(institution) == Status.ACTIVE


def test_a_reorganisation_that_undoes_an_expulsion_makes_the_member_active_again() -> None:
    institution = InstitutionFactory(active=True)
    assert follow(institution, "revoked", "active") == ["exited", "ledger_corrected"]
    assert status_of(institution) == Status.ACTIVE


def test_a_reorganisation_that_undoes_the_expulsion_of_a_suspended_member() -> None:
    institution = InstitutionFactory(suspended=True)
    assert follow(institution, "revoked", "suspended") == ["exited", "ledger_corrected", "suspended"]
    assert status_of(institution) == Status.SUSPENDED


@pytest.mark.parametrize("status", [Status.APPLIED, Status.IN_REVIEW, Status.DECLINED, Status.ADMITTED])
def test_no_seat_means_nothing_for_who_had_none(status: Status) -> None:
    institution = InstitutionFactory(status=status)
    assert follow(institution, "none") == []
    assert status_of(institution) == status
