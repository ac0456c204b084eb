"""What calls that members vote on would do to each network's list: the difference that then really comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consortium.core import clock
from consortium.members.models import Node
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.models import AccountPermission, RegistryEntry
from governance.permissions import preview
from governance.permissions.preview import Validators
from tests.permissions.world import OBSERVER, SEALER, World

pytestmark = pytest.mark.django_db


def set_role(world: World, node: Node, role: int = SEALER) -> Call:
    return calls.set_role(
        world.ledger,
        network=node.network_id,
        consensus_id=node.consensus_id,
        uscc=node.institution.uscc,
        role=role,
    )


def names(nodes: list) -> list[str]:
    return [node.name for node in nodes]


def test_who_enters_and_who_leaves(world: World) -> None:
    stays, goes = world.admitted("heming-bank/n1"), world.admitted("qingchuan-bank/n1")
    comes = world.node("songling-bank/n1")
    world.certify(comes)
    leaving = calls.remove_node(world.ledger, network="settlement", consensus_id=goes.consensus_id)

    (change,) = preview.changes([set_role(world, comes), leaving])

    assert change.network.pk == "settlement"
    assert (names(change.entering), names(change.leaving)) == (["songling-bank/n1"], ["qingchuan-bank/n1"])
    assert (change.before, change.after) == (Validators(2, 2), Validators(2, 2))
    world.work()
    world.role(comes)
    world.role(goes, 0)
    world.work()
    assert world.listed() == {str(stays), str(comes)}  # as was said


def test_a_change_of_role_and_what_changes_nothing(world: World) -> None:
    node = world.admitted("heming-bank/n1", role=OBSERVER)
    assert preview.changes([set_role(world, node, OBSERVER)]) == []

    (change,) = preview.changes([set_role(world, node, SEALER)])

    ((before, after),) = change.changed
    assert (before.role, after.role) == ("observer", "sealer")
    assert (change.before.registered, change.after.registered) == (0, 1)


def test_a_node_without_a_certificate_is_a_validator_that_can_not_take_part(world: World) -> None:
    node = world.node("heming-bank/n1")
    (change,) = preview.changes([set_role(world, node)])
    assert (change.entering, change.after) == ([], Validators(1, 0))
    assert not change.after.quorum_survives


def test_networks_are_told_apart(world: World) -> None:
    bank = world.admitted("heming-bank/n1").institution
    world.admitted("heming-bank/n2", network="trade")
    world.admitted("qingchuan-bank/n1", network="archive")

    found = preview.changes([calls.suspend_seat(world.ledger, uscc=bank.uscc)])

    assert [(change.network.pk, names(change.leaving)) for change in found] == [
        ("settlement", ["heming-bank/n1"]),
        ("trade", ["heming-bank/n2"]),
    ]


def test_a_suspension_that_would_stop_a_network_is_a_danger(world: World) -> None:
    """Its sealers stay in the registry, and the others count them on."""
    nodes = [world.admitted(f"{name}-bank/n1") for name in ("heming", "qingchuan", "songling", "nanpu")]
    one, two = (calls.suspend_seat(world.ledger, uscc=node.institution.uscc) for node in nodes[:2])

    (survived,) = preview.changes([one])
    (stopped,) = preview.changes([one, two])

    assert (survived.after, survived.is_danger) == (Validators(4, 3), False)
    assert (stopped.after, stopped.is_danger) == (Validators(4, 2), True)
    removal = calls.remove_node(world.ledger, network="settlement", consensus_id=nodes[0].consensus_id)
    (smaller,) = preview.changes([removal])
    assert (smaller.after, smaller.after.tolerated, smaller.is_danger) == (Validators(3, 3), 0, False)


@pytest.mark.parametrize(
    ("registered", "tolerated", "needed"),
    [(0, 0, 0), (1, 0, 1), (3, 0, 3), (4, 1, 3), (6, 1, 5), (7, 2, 5), (10, 3, 7)],
)
def test_of_n_sealers_a_third_may_fail(registered: int, tolerated: int, needed: int) -> None:
    validators = Validators(registered, needed)
    assert (validators.tolerated, validators.needed) == (tolerated, needed)
    assert registered >= 3 * tolerated + 1 or registered == 0
    assert validators.quorum_survives == (registered > 0)
    assert not Validators(registered, needed - 1).quorum_survives


def test_a_frozen_node_comes_back_when_it_is_thawed_and_stays_out_when_that_is_ratified(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    RegistryEntry.objects.update(frozen_until=clock.now() + timedelta(hours=72), freeze_number=7)
    where = {"network": "settlement", "consensus_id": node.consensus_id}

    (change,) = preview.changes([calls.thaw_node(world.ledger, **where)])

    assert names(change.entering) == names(change.thawing) == ["heming-bank/n1"]
    assert preview.changes([calls.ratify_freeze(world.ledger, number=7, **where)]) == []


def test_what_follows_is_seen_after_what_goes_before(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    removal = calls.remove_node(world.ledger, network="settlement", consensus_id=node.consensus_id)
    assert preview.changes([removal, set_role(world, node)]) == []


def test_ratifying_a_freeze_that_has_lapsed_takes_the_node_out_and_names_it(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    where = {"network": "settlement", "consensus_id": node.consensus_id}
    (change,) = preview.changes([calls.ratify_freeze(world.ledger, number=7, **where)])
    assert names(change.leaving) == names(change.freezing) == ["heming-bank/n1"]


def set_account(world: World, node: Node, permission: int) -> Call:
    return calls.set_account(
        world.ledger, network="settlement", account=ACCOUNT, uscc=node.institution.uscc, permission=permission
    )


ACCOUNT = "0x" + "ab" * 20


def test_what_accounts_may_do_is_foreseen_too(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    (change,) = preview.changes([set_account(world, node, 1)])
    assert [(one.address, one.permission) for one in change.accounts_entering] == [(ACCOUNT, "transact")]
    AccountPermission.objects.create(
        ledger=world.ledger,
        network="settlement",
        address="0x" + "aB" * 20,
        member_id=node.institution.uscc,
        permission=1,
        block=1,
        block_time=clock.now(),
        tx_hash="0x" + "cd" * 32,
    )
    assert preview.changes([set_account(world, node, 1)]) == [], "another spelling of the same account"
    (change,) = preview.changes([set_account(world, node, 2)])
    assert [then.permission for _now, then in change.accounts_changed] == ["deploy"]
    (change,) = preview.changes([set_account(world, node, 0)])
    assert [one.address for one in change.accounts_leaving] == [ACCOUNT]
    (change,) = preview.changes([calls.suspend_seat(world.ledger, uscc=node.institution.uscc)])
    assert (names(change.leaving), len(change.accounts_leaving)) == (["heming-bank/n1"], 1)
