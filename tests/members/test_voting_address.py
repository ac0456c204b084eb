"""The address that will vote: proved by its key, one each, fixed once there is a seat."""

from __future__ import annotations

import pytest
from eth_account.messages import encode_defunct

from consortium.core.errors import InvalidInput, NotAllowed, NotFound
from consortium.core.models import Event
from consortium.members import rules, services
from consortium.members.errors import Taken, VotingAddressFixed, WrongProof
from consortium.members.models import Institution
from consortium.members.states import Status
from tests.factories import InstitutionFactory, UserFactory, voter

pytestmark = pytest.mark.django_db

KEY = voter(900_001)
OTHER = voter(900_002)


def proof_of(institution: Institution, key: object = KEY, address: str = KEY.address) -> str:
    statement = rules.voting_address_statement(institution.uscc, address)
    signed = key.sign_message(encode_defunct(text=statement))  # type: ignore[attr-defined]
    return "0x" + signed.signature.hex().removeprefix("0x")


def set_address(institution: Institution, proof: str, address: str = KEY.address) -> Institution:
    officer = UserFactory(institution=institution)
    return services.set_voting_address(institution, address=address, proof=proof, actor=officer)


def test_an_address_whose_key_signed_the_statement_is_kept_and_recorded() -> None:
    bank = InstitutionFactory()
    assert set_address(bank, proof_of(bank), KEY.address.lower()).voting_address == KEY.address
    event = Event.objects.get()
    assert event.action == "institution.voting_address_set"
    assert (event.data["before"], event.data["after"]) == (None, KEY.address)


def test_the_same_address_again_changes_nothing() -> None:
    bank = InstitutionFactory()
    set_address(bank, proof_of(bank))
    set_address(bank, proof_of(bank))
    assert Event.objects.count() == 1


def test_an_address_may_be_changed_while_there_is_no_seat() -> None:
    bank = InstitutionFactory(admitted=True)
    set_address(bank, proof_of(bank))
    changed = set_address(bank, proof_of(bank, OTHER, OTHER.address), OTHER.address)
    assert changed.voting_address == OTHER.address


def test_a_proof_by_another_key_for_another_bank_or_address_or_no_proof_at_all_is_refused() -> None:
    bank, rival = InstitutionFactory(), InstitutionFactory()
    for proof in (
        proof_of(bank, OTHER),
        proof_of(rival),
        proof_of(bank, KEY, OTHER.address),
        proof_of(bank)[:-2],
        proof_of(bank) + "00",
        "0x" + "00" * 65,
        "0x" + "ff" * 65,
        "not hex",
        "",
        "0x鹤",
    ):
        with pytest.raises(WrongProof):
            set_address(bank, proof)
    bank.refresh_from_db()
    assert bank.voting_address is None
    assert not Event.objects.exists()


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.SUSPENDED, Status.EXITED, Status.DECLINED])
def test_with_a_seat_the_address_changes_by_vote_only(status: Status) -> None:
    bank = InstitutionFactory(status=status)
    with pytest.raises(VotingAddressFixed):
        set_address(bank, proof_of(bank))


def test_two_institutions_never_share_an_address() -> None:
    bank, rival = InstitutionFactory(), InstitutionFactory()
    set_address(bank, proof_of(bank))
    with pytest.raises(Taken) as refused:
        set_address(rival, proof_of(rival))
    assert refused.value.params == {"field": "address"}


def test_a_malformed_address_is_named_as_such() -> None:
    bank = InstitutionFactory()
    with pytest.raises(InvalidInput) as refused:
        set_address(bank, proof_of(bank), "0x1234")
    assert refused.value.params["rule"] == "address_format"


def test_only_its_own_officers_and_the_secretariat_set_it() -> None:
    bank = InstitutionFactory()
    for actor, error in (
        (UserFactory(), NotFound),
        (UserFactory(regulator=True), NotAllowed),
        (UserFactory(institution=bank, is_active=False), NotAllowed),
    ):
        with pytest.raises(error):
            services.set_voting_address(bank, address=KEY.address, proof=proof_of(bank), actor=actor)
    lan = UserFactory(secretariat=True)
    done = services.set_voting_address(bank, address=KEY.address, proof=proof_of(bank), actor=lan)
    assert done.voting_address == KEY.address
