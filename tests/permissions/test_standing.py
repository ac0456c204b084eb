"""What a suspension and a revocation do to the lists, and the clock that shows how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from certs import services as certificates
from certs.status import crl
from consortium.core import clock
from consortium.members.models import Node
from governance.permissions import rules, selectors, services
from governance.permissions.clocks import Clock
from governance.permissions.models import Epoch, GuardPolicy
from tests.permissions.world import OBSERVER, World

pytestmark = pytest.mark.django_db
Limit = Callable[[int], object]


def applied(node: Node, epoch: Epoch) -> None:
    """The node reports that it has the epoch in force."""
    files = dict(epoch.files.values_list("path", "sha256"))
    report = services.Report(epoch.network_id, epoch.number, files, "1.1", clock.now())
    certificate = node.certificates.filter(revocation=None).latest("issued_at")
    services.acknowledge(node, certificate=certificate, report=report)


def reached(found: Clock) -> list[str]:
    return [step.name for step in found.steps if step.at]


def test_a_suspended_node_leaves_the_list_and_comes_back(world: World) -> None:
    held, other = world.admitted("heming/settlement-1"), world.admitted("qingchuan/settlement-1")
    world.work()
    certificate = held.certificates.get()
    officer = held.institution.officers.get()
    certificates.suspend(certificate, comment="A strange login", actor=officer)
    world.work()
    assert world.listed() == {str(other)}
    assert world.published().cause.startswith("certificate.suspended")
    certificates.release(certificate, comment="It was ours", actor=officer)
    world.work()
    assert world.listed() == {str(held), str(other)}


def test_the_clock_goes_on_as_the_revocation_does(world: World) -> None:
    lost, near, far = (world.admitted(f"{bank}/settlement-1") for bank in ("heming", "qingchuan", "nanpu"))
    world.work()
    before = world.published()
    for node in (near, far):
        applied(node, before)
    certificate = lost.certificates.get()
    revocation = certificates.revoke(
        certificate, reason="keyCompromise", actor=lost.institution.officers.get()
    )
    found = selectors.revocation_clock(revocation)
    assert reached(found) == ["revoked"]
    assert found.epoch is None
    crl.publish(certificate.authority_id)
    assert reached(selectors.revocation_clock(revocation)) == ["revoked", "crl_published"]
    world.work()
    after = world.published()
    applied(near, after)
    found = selectors.revocation_clock(revocation)
    assert reached(found) == ["revoked", "crl_published", "list_published"]
    assert found.epoch == after.number == before.number + 1
    assert found.step("applied").missing == (str(far),)
    assert not found.is_complete
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        applied(far, after)
        last = clock.now()
    found = selectors.revocation_clock(revocation)
    assert found.is_complete
    assert found.step("applied").at == last
    assert found.step("applied").after == last - revocation.revoked_at
    assert selectors.clocks_of_node(lost) == [(certificate, found)]


def test_a_suspension_before_starts_the_clock(world: World) -> None:
    lost = world.admitted("heming/settlement-1")
    world.admitted("qingchuan/settlement-1")
    world.work()
    certificate = lost.certificates.get()
    hold = certificates.suspend(certificate, actor=world.secretary)
    world.work()
    with clock.frozen(clock.now() + timedelta(days=3)):
        revocation = certificates.revoke(certificate, reason="superseded", actor=world.secretary)
    found = selectors.revocation_clock(revocation)
    assert found.steps[0].at == hold.held_at
    assert reached(found) == ["revoked", "crl_published", "list_published"]
    assert all(step.after is not None and step.after < timedelta(days=1) for step in found.steps[:3])


def test_a_certificate_that_no_list_names_waits_for_none(world: World) -> None:
    """Renewed before: the list names the successor already."""
    with clock.frozen(clock.now() - timedelta(hours=1)):
        node = world.admitted("heming/settlement-1")
    old = node.certificates.get()
    world.certify(node)
    world.work()
    revocation = certificates.revoke(old, reason="superseded", actor=world.secretary)
    world.work()
    found = selectors.revocation_clock(revocation)
    assert found.is_complete
    assert reached(found) == ["revoked", "crl_published"]
    assert [bool(step.skipped) for step in found.steps] == [False, False, True, True]
    assert world.listed() == {str(node)}


def test_who_has_left_or_come_since_is_not_waited_for(world: World) -> None:
    lost, stays, leaves = (world.admitted(f"{bank}/settlement-1") for bank in ("heming", "nanpu", "yunting"))
    world.work()
    world.revoke(lost.certificates.get())
    world.work()
    applied(stays, world.published())
    world.role(leaves, 0)
    world.admitted("ziling/settlement-1")
    world.work()
    (found,) = [found for _, found in selectors.clocks_of_node(lost)]
    assert found.is_complete


def test_many_clocks_cost_as_many_queries_as_one(world: World, django_assert_max_num_queries: Limit) -> None:
    lost = [world.admitted(f"{bank}/settlement-1", role=OBSERVER) for bank in ("heming", "nanpu", "yunting")]
    staying = tuple(f"{bank}/settlement-1" for bank in ("beichuan", "dongting", "songling", "ziling"))
    for name in staying:
        world.admitted(name)
    GuardPolicy.objects.create(network_id="settlement", dropped_percent=50)  # three of seven are no news here
    world.work()
    revocations = [
        certificates.revoke(node.certificates.get(), reason="superseded", actor=world.secretary)
        for node in lost
    ]
    world.work()
    with django_assert_max_num_queries(5):  # type: ignore[attr-defined]
        found = selectors.revocation_clocks(revocations)
    assert {each.step("applied").missing for each in found.values()} == {staying}
    assert selectors.revocation_clocks([]) == {}
    assert rules.JSON_PATH in dict(world.published().files.values_list("path", "sha256"))
