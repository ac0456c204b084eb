"""Networks: the secretariat adds them, and their slug is for good."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from consortium.core import events
from consortium.core.errors import InvalidInput, NotAllowed
from consortium.core.models import Event
from consortium.members import services
from consortium.members.errors import Taken
from consortium.members.models import Network
from consortium.members.states import Role
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_the_secretariat_adds_a_network() -> None:
    lin_ye = UserFactory(role=Role.SECRETARIAT, institution=None)
    services.add_network(slug="clearing", name_zh="清算网", name_en="Clearing", actor=lin_ye)
    assert Network.objects.get(slug="clearing").name_zh == "清算网"
    assert Event.objects.get(action="network.added").actor_id == lin_ye.pk


@pytest.mark.parametrize("role", [Role.MEMBER, Role.REGULATOR])
def test_nobody_else_does(role: Role) -> None:
    somebody = UserFactory(role=role) if role == Role.MEMBER else UserFactory(role=role, institution=None)
    with pytest.raises(NotAllowed):
        services.add_network(slug="clearing", name_zh="清算网", name_en="Clearing", actor=somebody)
    assert not Network.objects.filter(slug="clearing").exists()


@pytest.mark.parametrize("slug", ["", "Clearing", "a_b", "x" * 33, "清算"])
def test_a_slug_that_does_not_fit_the_ledger_is_refused(slug: str) -> None:
    with pytest.raises(InvalidInput):
        services.add_network(slug=slug, name_zh="清算网", name_en="Clearing", actor=events.COMMAND)


def test_a_slug_is_taken_once() -> None:
    call_command("create_network", "clearing", name_zh="清算网", name_en="Clearing", verbosity=0)
    with pytest.raises(Taken):
        services.add_network(slug="clearing", name_zh="另一个", name_en="Another", actor=events.COMMAND)
    with pytest.raises(CommandError):
        call_command("create_network", "clearing", name_zh="另一个", name_en="Another", verbosity=0)
    assert Network.objects.get(slug="clearing").name_en == "Clearing"
