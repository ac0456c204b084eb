"""The rows that every other test stands on are themselves valid."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from stdnum import lei
from stdnum.cn import uscc

from consortium.members.models import Category
from consortium.members.states import Status
from tests.factories import (
    PASSWORD,
    InstitutionFactory,
    NodeFactory,
    UserFactory,
    voter_of,
)

pytestmark = pytest.mark.django_db


def test_a_hundred_institutions_are_distinct_and_pass_full_validation() -> None:
    made = InstitutionFactory.create_batch(100, voting=True)
    for institution in made:
        institution.full_clean()
        uscc.validate(institution.uscc)
        lei.validate(institution.lei)
        assert voter_of(institution).address == institution.voting_address
    assert len({i.uscc for i in made}) == 100


def test_categories_are_looked_up_not_made() -> None:
    fund = InstitutionFactory(category="funds", active=True)
    assert fund.category.number == 2
    assert fund.status == Status.ACTIVE
    assert Category.objects.count() == 6


def test_accounts_of_each_role_keep_the_database_s_rule_and_can_sign_in() -> None:
    for user in (UserFactory(), UserFactory(secretariat=True), UserFactory(regulator=True)):
        assert authenticate(username=user.username, password=PASSWORD) == user


def test_nodes_have_ids_of_their_own() -> None:
    nodes = NodeFactory.create_batch(20)
    for node in nodes:
        node.full_clean()
    assert len({node.consensus_id for node in nodes}) == 20
