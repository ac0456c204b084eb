"""The guardians cancel a proposal: any that is open, but none about their own power."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    AGAINST,
    CANCELED,
    DEFEATED,
    EXECUTED,
    FOUNDERS,
    GUARDIANS_NEEDED,
    LANTIAN,
    MALLORY,
    OPEN,
    PENDING,
    QUEUED,
    SECRETARIAT,
    SUCCEEDED,
    WANGCHAO,
    Alliance,
    Proposal,
    events,
)
from tests.contracts.guardians import (
    ANOTHER_REASON,
    GU,
    HE,
    MA,
    MAINNET,
    NODE,
    OUTSIDERS,
    REASON,
    ROUND,
    admit,
    cancelling,
    confirm_cancel,
    freeze,
    frozen_until,
    is_frozen,
    ratification,
    relaying_cancel,
    sign_cancel,
)

Calls = Callable[[Alliance], Any]


def granting(alliance: Alliance) -> Any:
    return alliance.seats.functions.grant(*LANTIAN.seat)


def proposed(alliance: Alliance) -> Proposal:
    return alliance.propose(granting(alliance))


def cancel(alliance: Alliance, proposal: Proposal) -> Any:
    """Two guardians confirm; the receipt of the second."""
    confirm_cancel(alliance, GU, proposal)
    return confirm_cancel(alliance, MA, proposal)


def refused(alliance: Alliance, proposal: Proposal) -> Refusal:
    """What the first guardian is told already, as of the latest block."""
    return alliance.refusal(cancelling(alliance, proposal), str(GU.address), block="latest")


def ended(proposal: Proposal, state: int) -> Refusal:
    return Refusal("ProposalEnded", {"proposalId": proposal.id, "state": state})


def test_one_guardian_alone_cancels_nothing(alliance: Alliance) -> None:
    proposal = proposed(alliance)

    receipt = confirm_cancel(alliance, GU, proposal)

    assert alliance.state(proposal) == PENDING
    assert events(alliance.break_glass, receipt, "CancelConfirmed") == [
        {
            "proposalId": proposal.id,
            "guardian": GU.address,
            "reasonHash": REASON,
            "confirmations": 1,
            "needed": GUARDIANS_NEEDED,
        }
    ]


def test_two_do(alliance: Alliance) -> None:
    proposal = proposed(alliance)

    receipt = cancel(alliance, proposal)

    assert alliance.state(proposal) == CANCELED
    assert events(alliance.governor, receipt, "ProposalCanceled") == [{"proposalId": proposal.id}]
    assert events(alliance.break_glass, receipt, "CancelledByGuardians") == [
        {"proposalId": proposal.id, "reasonHash": REASON}
    ]


def test_by_signature_too(alliance: Alliance) -> None:
    proposal = proposed(alliance)
    deadline = alliance.now + ROUND

    for guardian in (GU, HE):
        signature = sign_cancel(alliance, guardian, proposal, deadline)
        alliance.send(relaying_cancel(alliance, guardian, proposal, deadline, signature), SECRETARIAT)

    assert alliance.state(proposal) == CANCELED


@pytest.mark.parametrize(
    "wrong",
    [
        {"signer": MALLORY},
        {"chain": 1},
        {"contract": MALLORY.address},
        {"proposalId": 1},
        {"reasonHash": ANOTHER_REASON},
        {"nonce": 0},
        {"deadline": 2**255},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_signature_counts_for_exactly_what_was_signed(alliance: Alliance, wrong: dict[str, Any]) -> None:
    proposal = proposed(alliance)
    deadline = alliance.now + ROUND
    signature = sign_cancel(alliance, GU, proposal, deadline, **wrong)

    refusal = alliance.refusal(relaying_cancel(alliance, GU, proposal, deadline, signature), SECRETARIAT)

    assert refusal == Refusal("InvalidConfirmation", {"guardian": GU.address.lower()})


def test_a_signature_expires(alliance: Alliance) -> None:
    proposal = proposed(alliance)
    deadline = alliance.now
    call = relaying_cancel(alliance, GU, proposal, deadline, sign_cancel(alliance, GU, proposal, deadline))
    alliance.mine_at(deadline + 1)

    refusal = alliance.refusal(call, SECRETARIAT, block="latest")

    assert refusal == Refusal("ConfirmationExpired", {"deadline": deadline, "clock": deadline + 1})


def test_a_guardian_counts_once(alliance: Alliance) -> None:
    proposal = proposed(alliance)
    confirm_cancel(alliance, GU, proposal)

    assert alliance.refusal(cancelling(alliance, proposal), str(GU.address)).name == "AlreadyConfirmed"


@pytest.mark.parametrize("sender", [*OUTSIDERS, SECRETARIAT])
def test_nobody_else_counts(alliance: Alliance, sender: str) -> None:
    refusal = alliance.refusal(cancelling(alliance, proposed(alliance)), sender)

    assert refusal == Refusal("NotAGuardian", {"account": sender.lower()})


def test_there_is_a_reason(alliance: Alliance) -> None:
    call = cancelling(alliance, proposed(alliance), bytes(32))

    assert alliance.refusal(call, str(GU.address)) == Refusal("ReasonMissing", {})


def test_another_reason_is_another_matter(alliance: Alliance) -> None:
    proposal = proposed(alliance)
    confirm_cancel(alliance, GU, proposal)

    alliance.send(cancelling(alliance, proposal, ANOTHER_REASON), str(HE.address))

    assert alliance.state(proposal) == PENDING


def test_a_round_ends_after_a_day(alliance: Alliance) -> None:
    proposal = proposed(alliance)
    alliance.mine_at(alliance.snapshot(proposal) + 1)
    confirm_cancel(alliance, GU, proposal)
    expires = alliance.break_glass.functions.cancelConfirmations(proposal.id, REASON).call()[1]

    assert expires == alliance.now + ROUND


class TestWhen:
    def test_while_it_is_voted_on(self, alliance: Alliance) -> None:
        proposal = alliance.opened(granting(alliance))
        alliance.cast(WANGCHAO, proposal, 1)
        assert alliance.state(proposal) == OPEN

        cancel(alliance, proposal)

        assert alliance.state(proposal) == CANCELED

    def test_after_it_has_passed(self, alliance: Alliance) -> None:
        proposal = alliance.passed(granting(alliance))
        assert alliance.state(proposal) == SUCCEEDED

        cancel(alliance, proposal)

        assert alliance.refusal(alliance.queuing(proposal), SECRETARIAT).name == (
            "GovernorUnexpectedProposalState"
        )

    def test_and_while_it_waits_in_the_timelock(self, alliance: Alliance) -> None:
        proposal = alliance.passed(granting(alliance))
        alliance.queue(proposal)
        assert alliance.state(proposal) == QUEUED

        cancel(alliance, proposal)

        alliance.mine_at(alliance.effective(proposal) + 1)
        assert alliance.state(proposal) == CANCELED
        assert alliance.refusal(alliance.executing(proposal), SECRETARIAT).name == (
            "GovernorUnexpectedProposalState"
        )
        assert alliance.seat(LANTIAN)[2] == 0

    def test_but_not_when_it_is_carried_out(self, alliance: Alliance) -> None:
        proposal = alliance.queued(granting(alliance))
        alliance.execute(proposal)

        assert refused(alliance, proposal) == ended(proposal, EXECUTED)

    def test_nor_when_it_is_defeated(self, alliance: Alliance) -> None:
        proposal = alliance.opened(granting(alliance))
        for bank in FOUNDERS[:2]:
            alliance.cast(bank, proposal, AGAINST)

        assert refused(alliance, proposal) == ended(proposal, DEFEATED)

    def test_nor_twice(self, alliance: Alliance) -> None:
        proposal = proposed(alliance)
        cancel(alliance, proposal)

        assert refused(alliance, proposal) == ended(proposal, CANCELED)

    def test_nor_one_that_never_was(self, alliance: Alliance) -> None:
        draft = alliance.draft(granting(alliance))

        assert refused(alliance, draft) == Refusal("GovernorNonexistentProposal", {"proposalId": draft.id})


class TestProtected:
    """What a rogue group of guardians could try in order to stay, or to keep a node frozen."""

    PROTECTED: tuple[Calls, ...] = (
        lambda a: a.break_glass.functions.setGuardians([GU.address, MALLORY.address], 2),
        lambda a: a.governor.functions.setProposalGuardian(MALLORY.address),
        lambda a: a.registry.functions.setGuardian(MALLORY.address),
        lambda a: a.registry.functions.thaw(MAINNET, NODE),
    )
    CANCELLABLE: tuple[Calls, ...] = (
        granting,
        lambda a: a.seats.functions.revoke(WANGCHAO.id),
        lambda a: a.governor.functions.setConvener(MALLORY.address),
        lambda a: a.registry.functions.setRole(MAINNET, NODE, WANGCHAO.id, 1),
        lambda a: a.registry.functions.remove(MAINNET, NODE),
        lambda a: a.registry.functions.ratifyFreeze(MAINNET, NODE, 1),
        lambda a: a.registry.functions.setAccount(MAINNET, MALLORY.address, WANGCHAO.id, 2),
        lambda a: a.timelock.functions.updateDelay(0),
    )

    @pytest.mark.parametrize("call", PROTECTED)
    def test_the_members_alone_decide_on_the_guardians_power(self, alliance: Alliance, call: Calls) -> None:
        proposal = alliance.propose(call(alliance))

        assert refused(alliance, proposal) == Refusal(
            "ProtectedProposal", {"proposalId": proposal.id, "index": 0}
        )

    @pytest.mark.parametrize("call", PROTECTED)
    def test_also_where_it_stands_among_other_calls(self, alliance: Alliance, call: Calls) -> None:
        proposal = alliance.propose(granting(alliance), call(alliance))

        assert refused(alliance, proposal) == Refusal(
            "ProtectedProposal", {"proposalId": proposal.id, "index": 1}
        )

    @pytest.mark.parametrize("call", CANCELLABLE)
    def test_all_else_may_be_cancelled(self, alliance: Alliance, call: Calls) -> None:
        proposal = alliance.propose(call(alliance))

        cancel(alliance, proposal)

        assert alliance.state(proposal) == CANCELED

    def test_the_content_can_not_be_another_than_was_proposed(self, alliance: Alliance) -> None:
        """Leaving the protected call out gives another id, of which there is no proposal."""
        harmless = granting(alliance)
        proposal = alliance.propose(harmless, self.PROTECTED[0](alliance))
        without = Proposal(proposal.targets[:1], proposal.calls[:1], proposal.description)

        assert refused(alliance, without).name == "GovernorNonexistentProposal"

    def test_so_the_members_replace_guardians_that_cancel_everything(self, alliance: Alliance) -> None:
        proposal = alliance.passed(
            alliance.break_glass.functions.setGuardians([HE.address, MALLORY.address], 2)
        )
        assert refused(alliance, proposal).name == "ProtectedProposal"
        alliance.queue(proposal)
        assert refused(alliance, proposal).name == "ProtectedProposal"
        alliance.wait(proposal)

        alliance.execute(proposal)

        another = proposed(alliance)
        assert refused(alliance, another).name == "NotAGuardian"

    def test_and_one_guardian_cant_go_round_the_contract(self, alliance: Alliance) -> None:
        proposal = proposed(alliance)
        alliance.mine_at(alliance.snapshot(proposal) + 1)
        call = alliance.governor.functions.cancel(*proposal.executable)

        refusal = alliance.refusal(call, str(GU.address))

        assert refusal.name == "GovernorUnableToCancel"

    @pytest.mark.parametrize("data", [b"", b"\x00", b"\x01\x02\x03"])
    def test_data_too_short_for_a_call_is_no_protected_one(self, alliance: Alliance, data: bytes) -> None:
        contract = alliance.break_glass
        for target in (alliance.registry, alliance.governor, alliance.seats):
            assert contract.functions.isProtected(target.address, data).call() is False
        assert contract.functions.isProtected(contract.address, data).call() is True


def test_cancelling_the_vote_on_a_freeze_lets_it_lapse(alliance: Alliance) -> None:
    admit(alliance)
    freeze(alliance)
    proposal = ratification(alliance)

    cancel(alliance, proposal)

    assert is_frozen(alliance)
    alliance.mine_at(frozen_until(alliance))
    assert not is_frozen(alliance)
