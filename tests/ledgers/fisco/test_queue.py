"""One open proposal of type 51 on the whole chain: the rest waits here, and comes when there is room."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from consortium.core.errors import NotAllowed, ReasonRequired
from governance.chain.ledgers import handing_in, registering, selectors, wishes
from governance.chain.ledgers.base import Action
from governance.chain.ledgers.errors import InvalidAction, WeightsTooLarge, WishClosed
from governance.chain.ledgers.models import CommitteeTransaction, CommitteeWish
from governance.chain.ledgers.wishes import WishState
from governance.contracts import fisco
from tests.ledgers.fisco.world import NODES, Town, observe, seal, vote_call

Status = CommitteeTransaction.Status


def hand_in(town: Town, name: str, row: CommitteeWish, **other: Any) -> CommitteeTransaction:
    """The wish's create call, signed by a governor and handed in by its officer."""
    return handing_in.propose(row, town.signed_wish(name, row, **other), actor=town.officer(name))


def state(row: CommitteeWish) -> WishState:
    row.refresh_from_db()
    return wishes.state(CommitteeWish.objects.get(pk=row.pk))


def test_the_second_wish_waits_and_comes_when_the_first_is_decided(town: Town) -> None:
    """Point 3."""
    [first], [second] = town.wish(observe(NODES[4])), town.wish(observe(NODES[5]))
    assert (state(first), state(second)) == (WishState.READY, WishState.WAITING)
    hand_in(town, "Wangchao", first)
    town.work()
    assert (state(first), state(second)) == (WishState.OPEN, WishState.WAITING)
    town.vote("Dongli", 1)
    town.work()
    assert (state(first), state(second)) == (WishState.APPLIED, WishState.READY)


def test_what_was_signed_ahead_is_sent_when_its_turn_comes(town: Town) -> None:
    [first], [second] = town.wish(observe(NODES[4])), town.wish(observe(NODES[5]))
    hand_in(town, "Wangchao", first)
    ahead = hand_in(town, "Haitang", second)
    assert ahead.status == Status.HELD
    town.work()
    assert (state(second), town.committee.count()) == (WishState.WAITING, 1)
    town.vote("Dongli", 1)
    town.work()
    town.work()
    assert (state(second), town.committee.count()) == (WishState.OPEN, 2)
    assert town.proposal(2).arguments["node"] == NODES[5]


def test_a_proposal_that_somebody_opened_without_the_console_is_waited_for(town: Town) -> None:
    town.open("Dongli", 51, node=NODES[6], weight=0, add=True)
    town.work()
    [mine] = town.wish(observe(NODES[4]))
    assert state(mine) is WishState.WAITING
    town.vote("Haitang", 1, agree=False)
    town.work()
    assert state(mine) is WishState.READY


def test_other_types_have_room_of_their_own(town: Town) -> None:
    [role] = town.wish(observe(NODES[4]))
    [removal] = town.wish(Action("52", {"node": NODES[1]}))
    [one] = town.wish(Action("22", {"account": town.people["Dongli"].address, "open": True}))
    [other] = town.wish(Action("22", {"account": town.people["Haitang"].address, "open": True}))
    assert {state(row) for row in (role, removal, one, other)} == {WishState.READY}


def test_a_sealer_is_an_observer_first(town: Town) -> None:
    steps = wishes.wish_node_role(
        town.ledger,
        consensus_id=NODES[4],
        role=2,
        actor=town.secretary,
        reason="Qingchuan Bank's node",
        interval=30,
    )
    assert [step.arguments["weight"] for step in steps] == [0, 1]
    for number, step in enumerate(steps, start=1):
        assert state(step) is WishState.READY
        hand_in(town, "Wangchao", step)
        town.work()
        town.vote("Dongli", number)
        town.work()
        assert state(step) is WishState.APPLIED
    assert town.ledger.nodes.get(consensus_id=NODES[4]).role == 2


def test_the_second_step_is_blocked_where_the_first_is_denied(town: Town) -> None:
    first, second = town.wish(observe(NODES[4]), seal(NODES[4]))
    [unrelated] = town.wish(observe(NODES[5]))
    hand_in(town, "Wangchao", first)
    town.work()
    town.vote("Dongli", 1, agree=False)
    town.work()
    assert (state(first), state(second)) == (WishState.FAILED, WishState.BLOCKED)
    assert state(unrelated) is WishState.READY  # nobody waits behind what can't come


def test_a_role_that_a_node_has_is_nothing_to_wish_for(town: Town) -> None:
    town.work()
    with pytest.raises(InvalidAction):
        wishes.wish_node_role(
            town.ledger, consensus_id=NODES[0], role=2, actor=town.secretary, reason="again"
        )


def test_an_accounts_right_to_deploy_needs_the_list_first(town: Town) -> None:
    account = town.people["Haitang"].address
    first, second = wishes.wish_account_permission(
        town.ledger,
        account=account,
        permission=2,
        actor=town.secretary,
        reason="their contracts",
        interval=30,
    )
    assert (first.type, first.arguments, second.type) == (21, {"deploy_type": 1}, 22)
    for number, step in enumerate((first, second), start=1):
        hand_in(town, "Wangchao", step)
        town.work()
        town.vote("Dongli", number)
        town.work()
    assert town.committee.account(account).may_deploy
    assert not town.committee.account(town.people["Dongli"].address).may_deploy  # the list is there now
    [off] = wishes.wish_account_permission(
        town.ledger, account=account, permission=1, actor=town.secretary, reason="no more", interval=30
    )
    assert off.arguments == {"account": account, "open": False}


def test_two_accounts_wished_at_once_share_the_one_list(town: Town) -> None:
    def wish(name: str) -> list[CommitteeWish]:
        return wishes.wish_account_permission(
            town.ledger,
            account=town.people[name].address,
            permission=2,
            actor=town.secretary,
            reason="contracts",
        )

    listed, _ = wish("Haitang")
    [only] = wish("Dongli")
    assert only.after == listed


def test_a_wish_is_cancelled_with_what_was_signed_for_it(town: Town) -> None:
    [first], [second] = town.wish(observe(NODES[4])), town.wish(observe(NODES[5]))
    hand_in(town, "Wangchao", first)
    ahead = hand_in(town, "Haitang", second)
    wishes.cancel(second, actor=town.secretary, reason="The bank withdrew.")
    ahead.refresh_from_db()
    assert (state(second), ahead.status) == (WishState.CANCELLED, Status.WITHDRAWN)
    with pytest.raises(WishClosed):
        wishes.cancel(first, actor=town.secretary, reason="too late")


def test_a_vote_takes_the_number_of_what_was_signed_ahead(town: Town) -> None:
    [first], [second] = town.wish(observe(NODES[4])), town.wish(observe(NODES[5]))
    hand_in(town, "Wangchao", first)
    town.work()
    ahead = hand_in(town, "Haitang", second)
    raw = town.sign("Haitang", vote_call(1))  # the account's number is the one that lies ahead
    handing_in.vote(town.ledger, 1, raw, agree=True, actor=town.officer("Haitang"))
    ahead.refresh_from_db()
    assert ahead.status == Status.LOST
    town.work()
    assert state(first) is WishState.APPLIED
    hand_in(town, "Haitang", second)  # to be signed again
    town.work()
    assert state(second) is WishState.OPEN


def test_passed_and_not_applied_is_a_wish_to_be_made_anew(town: Town) -> None:
    [row] = town.wish(seal(NODES[4]))
    hand_in(town, "Wangchao", row)
    town.work()
    town.vote("Dongli", 1)
    town.work()
    assert state(row) is WishState.FAILED
    assert town.proposal(1).exec_code == -51104


def test_weights_that_break_the_chain_are_refused_before_they_are_proposed(town: Town) -> None:
    """Point 6, with what else is proposed counted in."""
    half = fisco.WEIGHT_BOUND // 2
    town.open("Wangchao", 11, account=town.people["Haitang"].address, weight=half)
    town.work()
    with pytest.raises(WeightsTooLarge):
        town.wish(Action("11", {"account": town.people["Dongli"].address, "weight": half}))
    [fine] = town.wish(Action("11", {"account": town.people["Dongli"].address, "weight": half - 10}))
    assert state(fine) is WishState.READY


@pytest.mark.parametrize(
    "action",
    [
        Action("51", {"node": "ab" * 63, "weight": 1, "add": True}),
        Action("51", {"node": "AB" * 64, "weight": 1, "add": True}),
        Action("51", {"node": NODES[4], "weight": 0, "add": False}),
        Action("52", {"node": NODES[4], "weight": 0}),
        Action("12", {"participates_rate": 101, "win_rate": 1}),
        Action("21", {"deploy_type": 3}),
        Action("11", {"account": "0x12", "weight": 1}),
        Action("11", {"account": "0x" + "11" * 20, "weight": 2**32}),
        Action("41", {"key": "x", "value": "1"}),
        Action("99", {}),
        Action("everything", {}),
    ],
)
def test_what_the_chain_could_never_do_is_not_wished_for(town: Town, action: Action) -> None:
    with pytest.raises(InvalidAction):
        town.wish(action)


def test_only_the_secretariat_wishes_and_gives_a_reason(town: Town) -> None:
    with pytest.raises(NotAllowed):
        wishes.wish(town.ledger, [observe(NODES[4])], actor=town.officer("Dongli"), reason="ours")
    with pytest.raises(ReasonRequired):
        wishes.wish(town.ledger, [observe(NODES[4])], actor=town.secretary, reason=" ")


def test_the_secretariat_wishes_and_reads_by_command(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["harbour", "--wish", "51", "--set", f"node={NODES[4]}", "--set", "weight=0", "--set", "add=true"]
    call_command("committee", *words, "--interval", "40", "--reason", "Qingchuan Bank joins.")
    row = CommitteeWish.objects.get()
    assert (row.type, row.arguments) == (51, {"node": NODES[4], "weight": 0, "add": True})
    hand_in(town, "Wangchao", row)
    town.work()
    capsys.readouterr()
    call_command("committee", "harbour")
    assert f"proposal 1: {selectors.action_words(51, row.arguments)}" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("committee", "harbour", "--wish", "52", "--set", "node", "--reason", "none")


def test_a_sealers_weight_is_changed_and_a_step_under_way_is_not_asked_for_twice(town: Town) -> None:
    town.work()
    [changed] = wishes.wish_node_role(
        town.ledger, consensus_id=NODES[0], role=2, weight=3, actor=town.secretary, reason="more"
    )
    assert changed.arguments == {"node": NODES[0], "weight": 3, "add": False}
    [observes] = town.wish(observe(NODES[4]))
    [seals] = wishes.wish_node_role(
        town.ledger, consensus_id=NODES[4], role=2, actor=town.secretary, reason="and seal"
    )
    assert (seals.arguments["weight"], seals.after) == (1, observes)


def test_weights_that_are_only_wished_for_count(town: Town) -> None:
    half = fisco.WEIGHT_BOUND // 2
    town.wish(Action("11", {"account": town.people["Dongli"].address, "weight": half}))
    with pytest.raises(WeightsTooLarge):
        town.wish(Action("11", {"account": town.people["Haitang"].address, "weight": half + 2}))


def test_nobody_is_helped_to_vote_for_weights_that_stop_the_ledger(town: Town) -> None:
    account = town.people["Dongli"].address
    number = town.open("Wangchao", 11, account=account, weight=fisco.WEIGHT_BOUND + 1)
    town.work()
    raw = town.sign("Haitang", vote_call(number))
    with pytest.raises(WeightsTooLarge):
        handing_in.vote(town.ledger, number, raw, agree=True, actor=registering.COMMAND)
