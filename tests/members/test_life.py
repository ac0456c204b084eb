"""An institution's life: the table, and nothing but the table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from consortium.core import events, transitions
from consortium.core.errors import IllegalTransition, NotAllowed, ReasonRequired
from consortium.core.models import Event
from consortium.members import services
from consortium.members.models import Institution, User
from consortium.members.states import BY_VOTE_ONLY, TRANSITIONS, Status
from tests.factories import InstitutionFactory, UserFactory

STATES = [status.value for status in Status]
Decision = Callable[[Institution, User], Institution]

DECISIONS: dict[str, Decision] = {
    Status.IN_REVIEW: lambda i, u: services.start_review(i, actor=u),
    Status.MORE_INFORMATION_NEEDED: lambda i, u: services.request_information(i, actor=u, reason="Statutes"),
    Status.DECLINED: lambda i, u: services.decline(i, actor=u, reason="No licence"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("current", "wanted"),
    [(a, b) for a, b in transitions.illegal_pairs(TRANSITIONS, STATES) if b in DECISIONS],
)
def test_every_step_that_the_table_lacks_is_refused_and_changes_nothing(current: str, wanted: str) -> None:
    institution = InstitutionFactory(status=current)
    since = institution.status_since
    with pytest.raises(IllegalTransition) as refused:
        DECISIONS[wanted](institution, UserFactory(secretariat=True))
    institution.refresh_from_db()
    assert (institution.status, institution.status_since) == (current, since)
    assert not Event.objects.exists()
    assert refused.value.status == 409


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("current", "wanted"), [(a, b) for a, after in TRANSITIONS.items() for b in after if b in DECISIONS]
)
def test_every_step_of_the_table_that_people_may_take_is_taken_and_recorded(
    current: str, wanted: str
) -> None:
    institution, lan = InstitutionFactory(status=current), UserFactory(secretariat=True)
    moved = DECISIONS[wanted](institution, lan)
    assert moved.status == wanted
    assert moved.status_since > institution.status_since
    event = Event.objects.get()
    assert (event.actor_id, event.institution_id) == (lan.pk, institution.pk)
    assert (event.data["before"], event.data["after"]) == (current, wanted)


def test_no_service_for_people_leads_where_only_a_vote_does() -> None:
    assert not set(DECISIONS) & BY_VOTE_ONLY
    assert set(DECISIONS) | BY_VOTE_ONLY | {Status.APPLIED} == set(Status)


@pytest.mark.django_db
@pytest.mark.parametrize("current", STATES)
@pytest.mark.parametrize("wanted", STATES)
def test_the_database_has_the_same_table(current: str, wanted: str) -> None:
    """Whoever writes past the services meets the trigger."""
    institution = InstitutionFactory(status=current)
    allowed = wanted == current or wanted in TRANSITIONS[current]
    try:
        with transaction.atomic():
            Institution.objects.filter(pk=institution.pk).update(status=wanted)
        passed = True
    except IntegrityError:
        passed = False
    assert passed == allowed


@pytest.mark.django_db
def test_the_database_knows_no_ninth_status() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        InstitutionFactory(status="honorary")


@pytest.mark.django_db
@pytest.mark.parametrize("decide", [services.request_information, services.decline])
@pytest.mark.parametrize("reason", ["", "  \n "])
def test_a_decision_against_an_applicant_needs_a_reason(
    decide: Callable[..., Institution], reason: str
) -> None:
    institution = InstitutionFactory()
    with pytest.raises(ReasonRequired):
        decide(institution, actor=UserFactory(secretariat=True), reason=reason)
    institution.refresh_from_db()
    assert institution.status == Status.IN_REVIEW


@pytest.mark.django_db
def test_the_reason_is_kept_in_the_record() -> None:
    institution = InstitutionFactory()
    services.decline(institution, actor=UserFactory(secretariat=True), reason=" No licence\r\nin 2026 ")
    assert Event.objects.get().reason == "No licence\nin 2026"


@pytest.mark.django_db
@pytest.mark.parametrize("wanted", list(DECISIONS))
def test_only_the_secretariat_decides(wanted: str) -> None:
    institution = InstitutionFactory(status=Status.APPLIED)
    for user in (
        UserFactory(institution=institution),
        UserFactory(regulator=True),
        UserFactory(secretariat=True, is_active=False),
    ):
        with pytest.raises(NotAllowed):
            DECISIONS[wanted](institution, user)
    institution.refresh_from_db()
    assert institution.status == Status.APPLIED


class Life(RuleBasedStateMachine):
    """Anybody tries anything in any order; the row, a model of it and the record must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.institution = InstitutionFactory(applied=True)
        self.secretariat = UserFactory(secretariat=True)
        self.expected: str = Status.APPLIED
        self.block = 0

    @rule(wanted=st.sampled_from(sorted(DECISIONS)))
    def somebody_decides(self, wanted: str) -> None:
        try:
            DECISIONS[wanted](self.institution, self.secretariat)
        except IllegalTransition:
            assert wanted not in TRANSITIONS[self.expected]
        else:
            assert wanted in TRANSITIONS[self.expected]
            self._is_now(wanted)

    @rule(seat=st.sampled_from(["active", "suspended", "revoked", "none"]))
    def the_ledger_speaks(self, seat: str) -> None:
        self.block += 1
        services.follow_ledger(self.institution, seat=seat, block=self.block, tx_hash="0x1")  # type: ignore[arg-type]
        targets = {"active": Status.ACTIVE, "suspended": Status.SUSPENDED, "revoked": Status.EXITED}
        status = Institution.objects.get(pk=self.institution.pk).status
        if seat in targets:
            assert status == targets[seat]
        else:
            assert status not in {Status.ACTIVE, Status.SUSPENDED, Status.EXITED}
        self._is_now(status)

    @rule(wanted=st.sampled_from(STATES))
    def somebody_writes_past_the_services(self, wanted: str) -> None:
        if wanted == self.expected or wanted in TRANSITIONS[self.expected]:
            return
        with pytest.raises(IntegrityError), transaction.atomic():
            Institution.objects.filter(pk=self.institution.pk).update(status=wanted)

    def _is_now(self, status: str) -> None:
        self.expected = status

    @invariant()
    def the_row_is_as_expected(self) -> None:
        assert Institution.objects.get(pk=self.institution.pk).status == self.expected

    @invariant()
    def the_record_is_an_unbroken_chain_that_ends_at_the_row(self) -> None:
        recorded = Event.objects.filter(institution_id=self.institution.pk).order_by("id")
        status: str = Status.APPLIED
        for event in recorded:
            assert event.data["before"] == status, event
            legal = event.data["after"] in TRANSITIONS[status]
            assert legal or event.action == "institution.ledger_corrected", event
            status = event.data["after"]
        assert status == self.expected


@pytest.mark.django_db
def test_random_walks_through_a_life_on_the_real_database() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.django_db
def test_the_permission_to_correct_ends_with_the_correction() -> None:
    """A correction by the indexer must not leave the door open for what follows in its transaction."""
    institution = InstitutionFactory(status=Status.DECLINED)
    services.follow_ledger(institution, seat="active", block=1, tx_hash="0x1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('consortium.ledger_correction', true)")
        assert cursor.fetchone()[0] == "off"
    with pytest.raises(IntegrityError), transaction.atomic():
        Institution.objects.filter(pk=institution.pk).update(status=Status.APPLIED)


@pytest.mark.django_db
def test_an_event_of_the_ledger_names_the_indexer_and_the_block() -> None:
    institution = InstitutionFactory(admitted=True)
    services.follow_ledger(institution, seat="active", block=7, tx_hash="0xabc")
    event = Event.objects.get()
    assert (event.action, event.actor_label) == ("institution.activated", str(events.INDEXER))
    assert event.data["block"] == 7
    assert event.data["tx_hash"] == "0xabc"
