"""Whatever is done to certificates, in whatever order: the console says what a few lines of model say.

Refusals included: what the model does not allow is refused with a typed error and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from certs import life, selectors, services
from certs.errors import RevokedCertificate, SuspendedCertificate
from certs.models import Authority, Certificate, Revocation, RevocationReason, Suspension
from certs.status import listing
from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.life import rows
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

BEGIN = clock.now().replace(microsecond=0)
PERIOD = timedelta(days=365)
WINDOW = timedelta(days=30)  # of evm-node


@dataclass
class Known:
    """One certificate as the model knows it."""

    row: Certificate
    key: int
    ends: datetime
    held_since: datetime | None = None
    held_by_secretariat: bool = False
    revoked_since: datetime | None = None
    reason: str = ""

    def state(self, now: datetime) -> str:
        if self.revoked_since:
            return "revoked"
        if now > self.ends:
            return "expired"
        return "suspended" if self.held_since else "valid"

    def revoke(self, reason: str, now: datetime) -> None:
        self.reason, self.revoked_since = reason, self.held_since or now
        self.held_since = None


class Life(RuleBasedStateMachine):
    """Certificates of one node, some with the same key; its officer and the secretariat act on them."""

    certificates = Bundle("certificates")

    @initialize()
    def an_alliance(self) -> None:
        self.now, self.changes = BEGIN, 0
        self.known: list[Known] = []
        self.authority = rows.authority(f"nodes-{Authority.objects.count()}", crl_shards=2)
        self.node: Node = NodeFactory(institution=InstitutionFactory(active=True))
        self.officer: User = UserFactory(institution=self.node.institution)
        self.secretary: User = UserFactory(secretariat=True)

    @rule(target=certificates, keeps=st.booleans())
    def issue(self, keeps: bool) -> Known:
        """A renewal where one before it has not ended; with its key, where the profile keeps it."""
        last = self.known[-1] if self.known else None
        key = last.key if keeps and last and last.reason != "keyCompromise" else len(self.known)
        with clock.frozen(self.now):
            row = rows.certificate(self.node, self.authority, spki_sha256=f"{self.authority.name}-{key}")
        known = Known(row, key, row.not_after)
        self.known.append(known)
        return known

    @rule(days=st.sampled_from([1, 29, 200, 336, 366]))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(known=certificates, member=st.booleans())
    def suspend(self, known: Known, member: bool) -> None:
        allowed = known.state(self.now) == "valid"
        if self.tried(allowed, services.suspend, known, member=member):
            known.held_since, known.held_by_secretariat = self.now, not member

    @rule(known=certificates, member=st.booleans())
    def release(self, known: Known, member: bool) -> None:
        allowed = known.state(self.now) == "suspended" and not (member and known.held_by_secretariat)
        if self.tried(allowed, services.release, known, member=member, comment="All is well"):
            known.held_since = None

    @rule(known=certificates, reason=st.sampled_from(RevocationReason.values), member=st.booleans())
    def revoke(self, known: Known, reason: str, member: bool) -> None:
        allowed = not known.revoked_since and not (member and reason == "privilegeWithdrawn")
        if self.tried(allowed, services.revoke, known, member=member, reason=reason):
            known.revoke(reason, self.now)
            if reason == "keyCompromise":
                self.compromised(known)

    @rule(known=certificates, member=st.booleans())
    def report_compromise(self, known: Known, member: bool) -> None:
        allowed = known.reason not in {"", "keyCompromise"}
        allowed = allowed and not (member and known.reason == "privilegeWithdrawn")
        if self.tried(allowed, services.report_compromise, known, member=member):
            known.reason = "keyCompromise"
            self.compromised(known)

    def compromised(self, known: Known) -> None:
        """The other certificates of the key go with it."""
        for other in self.known:
            if other.key != known.key or other.reason == "keyCompromise":
                continue
            self.changes += 1
            if other.revoked_since:
                other.reason = "keyCompromise"
            else:
                other.revoke("keyCompromise", self.now)

    def tried(self, allowed: bool, service: object, known: Known, *, member: bool, **values: str) -> bool:
        """Call it; refused exactly when the model says so, and then without a trace."""
        before = Event.objects.count()
        try:
            with clock.frozen(self.now):
                service(known.row, **values, actor=self.officer if member else self.secretary)  # type: ignore[operator]
        except ConsoleError:
            assert not allowed
            assert Event.objects.count() == before
            return False
        assert allowed
        self.changes += 1
        return True

    @invariant()
    def every_state_is_the_models(self) -> None:
        if not self.known:
            return
        found = Certificate.objects.filter(node=self.node).select_related("revocation")
        states = {row.pk: selectors.state(row, self.now) for row in found.annotate(held=selectors.on_hold())}
        assert states == {each.row.pk: each.state(self.now) for each in self.known}
        valid = [each.row for each in self.known if each.state(self.now) == "valid"]
        assert set(selectors.valid_certificates(self.now).filter(node=self.node)) == set(valid)

    @invariant()
    def who_comes_with_one_is_told_why_not(self) -> None:
        if not self.known:
            return
        known = self.known[-1]
        try:
            selectors.authenticate(bytes(known.row.der), self.now)
            code = "valid"
        except ConsoleError as error:
            code = error.code
        wanted = {
            "valid": "valid",
            "expired": "suspended_certificate" if known.held_since else "expired_certificate",
            "suspended": SuspendedCertificate.code,
            "revoked": RevokedCertificate.code,
        }
        assert code == wanted[known.state(self.now)]

    @invariant()
    def lists_and_dates_are_the_models(self) -> None:
        if not self.known:
            return
        listed = [each for each in self.known if each.held_since or each.revoked_since]
        assert listing.entries_of(self.authority, None).count == len(listed)
        of_node = Revocation.objects.filter(certificate__node=self.node)
        assert {(row.certificate_id, row.reason, row.revoked_at) for row in of_node} == {
            (each.row.pk, each.reason, each.revoked_since) for each in self.known if each.revoked_since
        }
        assert Suspension.objects.filter(certificate__node=self.node, released_at=None).count() == sum(
            each.held_since is not None for each in self.known
        )
        self.authority.refresh_from_db()
        assert self.authority.revision == self.changes

    @invariant()
    def a_renewal_is_open_as_the_model_says(self) -> None:
        if not self.known:
            return
        found = services.renewal_states([each.row for each in self.known], self.now)
        assert {pk: each.state for pk, each in found.items()} == {
            each.row.pk: self.renewal(each) for each in self.known
        }

    def renewal(self, known: Known) -> str:
        if known.revoked_since or known.held_since:
            return life.NOT_RENEWABLE
        if any(other.ends > known.ends and other.state(self.now) == "valid" for other in self.known):
            return life.RENEWED
        if self.now > known.ends:
            return life.ENDED
        return life.OPEN if self.now >= known.ends - WINDOW else life.NOT_YET


@pytest.mark.django_db
def test_a_certificates_life_is_the_models() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=15, stateful_step_count=15, deadline=None))
    assert connection.in_atomic_block  # all of it is rolled back
