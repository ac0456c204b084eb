"""Why a proposal came to nothing, and by whom: as the ledger tells it, not as somebody once wished."""

from __future__ import annotations

import pytest
from django.test import Client
from eth_typing import HexStr

from consortium.members.models import User
from governance.chain import relay
from governance.chain.models import RelayTransaction
from governance.proposals.models import Proposal
from governance.proposals.rules import State
from tests.factories import UserFactory
from tests.proposals import test_withdrawing as withdrawing
from tests.proposals.stage import Stage

BY_THE_GUARDIANS = "Cancelled on the ledger, by the guardians."


@pytest.fixture
def officer(stage: Stage, client: Client) -> User:
    user: User = UserFactory(institution=stage.banks[0], username="zhou.lan")
    client.force_login(user)
    return user


def ending(stage: Stage, client: Client, proposal: Proposal) -> str:
    with stage.ledgers_time():
        page = client.get(f"/proposals/{proposal.pk}/")
    said: str = page.context["ending"]
    assert said in page.content.decode()
    return said


def test_a_withdrawal_that_came_too_late_does_not_hide_the_guardians(
    stage: Stage, officer: User, client: Client
) -> None:
    proposal = stage.proposed()
    with stage.ledgers_time():
        withdrawing.withdraw(stage, proposal)
    stage.move_to(stage.snapshot(proposal) + 1)
    stage.relay()
    assert stage.state(proposal) == State.VOTING
    proposal.refresh_from_db()
    assert proposal.withdraw_tx is not None

    withdrawing.TestTheGuardians().cancel(stage, proposal)

    assert stage.state(proposal) == State.CANCELED
    assert ending(stage, client, proposal) == BY_THE_GUARDIANS


def test_what_nobody_wished_to_withdraw_was_cancelled_by_the_guardians(
    stage: Stage, officer: User, client: Client
) -> None:
    proposal = stage.voting()
    stage.decide(stage.banks[1], proposal)  # with a reason, which is that bank's own
    withdrawing.TestTheGuardians().cancel(stage, proposal)
    assert ending(stage, client, proposal) == BY_THE_GUARDIANS


def test_a_withdrawal_is_the_secretariats_with_its_reason(
    stage: Stage, officer: User, client: Client
) -> None:
    proposal = stage.proposed()
    with stage.ledgers_time():
        withdrawing.withdraw(stage, proposal)
    stage.relay()
    assert ending(stage, client, proposal) == f"Withdrawn: {withdrawing.WHY}"


def test_the_withdrawal_that_was_mined_may_be_the_one_with_the_lower_fee(stage: Stage) -> None:
    proposal = stage.proposed()
    with stage.ledgers_time():
        withdrawing.withdraw(stage, proposal)
    sent = RelayTransaction.objects.get(key__startswith="withdraw:")
    relay.send(sent.pk)
    sent.refresh_from_db()
    # As relay.raise_fee leaves it: the hash of what was sent before is kept beside that of the newer one.
    RelayTransaction.objects.filter(pk=sent.pk).update(
        tx_hash="0x" + "ab" * 32, earlier_hashes=[sent.tx_hash]
    )
    stage.web3.eth.wait_for_transaction_receipt(HexStr(str(sent.tx_hash)), timeout=60)
    stage.index()
    (canceled,) = stage.events(proposal, "proposal.canceled")
    assert canceled.data["withdrawn"] is True
