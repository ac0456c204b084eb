"""Two banks, a regulator and the secretariat: who sees what."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser

from consortium.core import events
from consortium.core.errors import NotAllowed, NotFound
from consortium.members import selectors, services
from consortium.members.models import Institution, User
from consortium.members.permissions import (
    require_officer_of,
    require_officer_or_secretariat,
    require_secretariat,
)
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

pytestmark = pytest.mark.django_db


class Alliance:
    """Heming and Qingchuan, each with an officer, a node and an event."""

    def __init__(self) -> None:
        self.heming, self.qingchuan = InstitutionFactory.create_batch(2, active=True)
        self.heming_node = NodeFactory(institution=self.heming)
        self.qingchuan_node = NodeFactory(institution=self.qingchuan)
        self.zhou: User = UserFactory(institution=self.heming)
        self.li: User = UserFactory(institution=self.qingchuan)
        self.secretariat: User = UserFactory(secretariat=True)
        self.regulator: User = UserFactory(regulator=True)
        for node in (self.heming_node, self.qingchuan_node):
            services.retire_node(node, actor=self.secretariat, reason="sold")


@pytest.fixture
def alliance() -> Alliance:
    return Alliance()


def test_an_officer_sees_its_own_bank_and_nothing_of_the_other(alliance: Alliance) -> None:
    zhou = alliance.zhou
    assert list(selectors.institutions_for(zhou)) == [alliance.heming]
    assert list(selectors.nodes_for(zhou)) == [alliance.heming_node]
    assert list(selectors.accounts_for(zhou)) == [zhou]
    assert [e.node_id for e in selectors.events_for(zhou)] == [alliance.heming_node.pk]
    assert list(selectors.institutions_for(alliance.li)) == [alliance.qingchuan]


def test_secretariat_and_regulator_see_all(alliance: Alliance) -> None:
    for user in (alliance.secretariat, alliance.regulator):
        assert selectors.institutions_for(user).count() == 2
        assert selectors.nodes_for(user).count() == 2
        assert selectors.accounts_for(user).count() == 4
        assert selectors.events_for(user).count() == 2


def test_a_visitor_and_a_shut_account_see_nothing(alliance: Alliance) -> None:
    services.deactivate_account(alliance.zhou, actor=alliance.secretariat, reason="left")
    alliance.zhou.refresh_from_db()
    alliance.regulator.is_active = False
    for user in (AnonymousUser(), alliance.zhou, alliance.regulator):
        assert not selectors.institutions_for(user).exists()
        assert not selectors.nodes_for(user).exists()
        assert not selectors.accounts_for(user).exists()
        assert not selectors.events_for(user).exists()


def test_what_another_bank_has_looks_like_what_is_not_there(alliance: Alliance) -> None:
    assert selectors.institution_for(alliance.zhou, alliance.heming.pk) == alliance.heming
    assert selectors.node_for(alliance.zhou, str(alliance.heming_node.pk)) == alliance.heming_node
    for pk in (alliance.qingchuan.pk, uuid.uuid4(), "no uuid", "\x00"):
        with pytest.raises(NotFound):
            selectors.institution_for(alliance.zhou, pk)
    for pk in (alliance.qingchuan_node.pk, uuid.uuid4(), "no uuid"):
        with pytest.raises(NotFound):
            selectors.node_for(alliance.zhou, pk)


def test_the_checks_of_services(alliance: Alliance) -> None:
    heming: Institution = alliance.heming
    require_secretariat(alliance.secretariat)
    require_secretariat(events.COMMAND)
    require_officer_of(alliance.zhou, heming)
    require_officer_or_secretariat(alliance.secretariat, heming)
    for user in (alliance.zhou, alliance.regulator):
        with pytest.raises(NotAllowed):
            require_secretariat(user)
    with pytest.raises(NotFound):
        require_officer_of(alliance.li, heming)
    for user in (alliance.secretariat, alliance.regulator):
        with pytest.raises(NotAllowed):
            require_officer_of(user, heming)
    with pytest.raises(NotAllowed):
        require_officer_or_secretariat(alliance.regulator, heming)


def test_a_list_of_nodes_is_one_query(alliance: Alliance, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        for node in selectors.nodes_for(alliance.regulator):
            assert str(node)
            assert node.network.name
            assert node.institution.category.name


def test_categories_count_members_with_a_seat_and_all_entries(alliance: Alliance) -> None:
    InstitutionFactory(category="funds")
    counts = {c.code: (c.members, c.institutions) for c in selectors.categories_with_counts()}  # type: ignore[attr-defined]
    assert counts == {
        "banking": (2, 2), "funds": (0, 1), "securities": (0, 0), "insurance": (0, 0),
        "equity-exchange": (0, 0), "technology": (0, 0),
    }  # fmt: skip


def test_applications_waiting_come_oldest_first(alliance: Alliance) -> None:
    first = InstitutionFactory(applied=True)
    second = InstitutionFactory()
    InstitutionFactory(status="declined")
    assert list(selectors.applications_waiting()) == [first, second]
    services.start_review(first, actor=alliance.secretariat)
    assert list(selectors.applications_waiting()) == [second, first]
