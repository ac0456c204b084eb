"""The registry of accounts: what each may do in a network, and everything that is refused."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    DONGLI,
    FOUNDER,
    LANTIAN,
    MALLORY,
    SECRETARIAT,
    WANGCHAO,
    Alliance,
    Bank,
    events,
    padded,
    person,
)
from tests.contracts.test_node_registry import executor, refused

MAINNET, TESTNET = padded("settlement-main"), padded("settlement-test")
ACCOUNT = str(person("Wangchao Bank's settlement desk").address)
NONE, TRANSACT, DEPLOY = 0, 1, 2


def set_account(
    alliance: Alliance,
    permission: int,
    *,
    account: str = ACCOUNT,
    network: bytes = MAINNET,
    bank: Bank = WANGCHAO,
) -> Any:
    return alliance.registry.functions.setAccount(network, account, bank.id, permission)


def permission_of(alliance: Alliance, network: bytes = MAINNET) -> tuple[int, bytes]:
    permission, member = alliance.registry.functions.permissionOf(network, ACCOUNT).call()
    return permission, member


@pytest.mark.parametrize("permission", [TRANSACT, DEPLOY])
def test_an_account_gets_a_permission(alliance: Alliance, permission: int) -> None:
    receipt = alliance.rule(set_account(alliance, permission))

    assert permission_of(alliance) == (permission, WANGCHAO.id)
    assert events(alliance.registry, receipt, "AccountPermissionChanged") == [
        {"network": MAINNET, "account": ACCOUNT, "memberId": WANGCHAO.id, "permission": permission}
    ]


@pytest.mark.parametrize(("before", "after"), [(TRANSACT, DEPLOY), (DEPLOY, TRANSACT)])
def test_it_gets_another(alliance: Alliance, before: int, after: int) -> None:
    alliance.rule(set_account(alliance, before))

    alliance.rule(set_account(alliance, after))

    assert permission_of(alliance) == (after, WANGCHAO.id)


def test_it_loses_it(alliance: Alliance) -> None:
    alliance.rule(set_account(alliance, DEPLOY))

    receipt = alliance.rule(set_account(alliance, NONE))

    assert permission_of(alliance) == (NONE, bytes(32))
    assert events(alliance.registry, receipt, "AccountPermissionChanged") == [
        {"network": MAINNET, "account": ACCOUNT, "memberId": WANGCHAO.id, "permission": NONE}
    ]


def test_networks_are_apart(alliance: Alliance) -> None:
    alliance.rule(set_account(alliance, DEPLOY))

    alliance.rule(set_account(alliance, TRANSACT, network=TESTNET, bank=DONGLI))

    assert permission_of(alliance) == (DEPLOY, WANGCHAO.id)
    assert permission_of(alliance, TESTNET) == (TRANSACT, DONGLI.id)


def test_the_permission_it_has_already_is_refused(alliance: Alliance) -> None:
    alliance.rule(set_account(alliance, DEPLOY))

    refusal = refused(alliance, set_account(alliance, DEPLOY))

    assert refusal == Refusal("PermissionUnchanged", {"account": ACCOUNT.lower(), "permission": DEPLOY})


def test_an_account_without_a_permission_has_none_to_lose(alliance: Alliance) -> None:
    refusal = refused(alliance, set_account(alliance, NONE))

    assert refusal == Refusal("PermissionUnchanged", {"account": ACCOUNT.lower(), "permission": NONE})


@pytest.mark.parametrize("permission", [NONE, DEPLOY])
def test_another_members_account_stays_its_own(alliance: Alliance, permission: int) -> None:
    alliance.rule(set_account(alliance, TRANSACT))

    refusal = refused(alliance, set_account(alliance, permission, bank=DONGLI))

    assert refusal == Refusal(
        "AccountOwnedByAnother",
        {"account": ACCOUNT.lower(), "actual": WANGCHAO.id, "expected": DONGLI.id},
    )


def test_an_account_that_was_given_up_may_become_another_members(alliance: Alliance) -> None:
    alliance.rule(set_account(alliance, TRANSACT))
    alliance.rule(set_account(alliance, NONE))

    alliance.rule(set_account(alliance, TRANSACT, bank=DONGLI))

    assert permission_of(alliance) == (TRANSACT, DONGLI.id)


@pytest.mark.parametrize("permission", [3, 255])
def test_an_unknown_permission_is_refused(alliance: Alliance, permission: int) -> None:
    refusal = refused(alliance, set_account(alliance, permission))

    assert refusal == Refusal("InvalidPermission", {"actual": permission, "highest": DEPLOY})


def test_the_zero_address_is_no_account(alliance: Alliance) -> None:
    zero = Web3.to_checksum_address("0x" + "00" * 20)

    refusal = refused(alliance, set_account(alliance, TRANSACT, account=zero))

    assert refusal == Refusal("InvalidAccount", {"actual": zero})


def test_a_network_is_named_by_its_slug(alliance: Alliance) -> None:
    name = b"Settlement".ljust(32, b"\0")

    refusal = refused(alliance, set_account(alliance, TRANSACT, network=name))

    assert refusal == Refusal("InvalidNetwork", {"actual": name})


def test_an_account_of_no_member_is_refused(alliance: Alliance) -> None:
    refusal = refused(alliance, set_account(alliance, TRANSACT, bank=LANTIAN))

    assert refusal == Refusal("MemberNotActive", {"memberId": LANTIAN.id, "status": 0})


def test_so_is_one_of_a_suspended_member(alliance: Alliance) -> None:
    alliance.rule(alliance.seats.functions.suspend(DONGLI.id))

    refusal = refused(alliance, set_account(alliance, TRANSACT, bank=DONGLI))

    assert refusal == Refusal("MemberNotActive", {"memberId": DONGLI.id, "status": 2})


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_a_member_that_went_still_loses_its_permissions(alliance: Alliance, action: str) -> None:
    alliance.rule(set_account(alliance, DEPLOY))
    alliance.rule(alliance.seats.functions[action](WANGCHAO.id))

    alliance.rule(set_account(alliance, NONE))

    assert permission_of(alliance) == (NONE, bytes(32))


@pytest.mark.parametrize("sender", [SECRETARIAT, FOUNDER, WANGCHAO.voter, MALLORY.address])
def test_nobody_but_the_executor_changes_a_permission(alliance: Alliance, sender: str) -> None:
    refusal = alliance.refusal(set_account(alliance, DEPLOY), sender)

    assert refusal == Refusal(
        "ExecutorOnly", {"actual": sender.lower(), "expected": executor(alliance).lower()}
    )


class TestFounding:
    """Before the founding is closed, the founder enters the accounts that the networks start with."""

    @pytest.fixture
    def founding(self, ledger: Web3) -> Alliance:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        return alliance

    def entering(self, alliance: Alliance, *permissions: int) -> Any:
        return alliance.registry.functions.foundAccounts(
            [MAINNET], [ACCOUNT], [WANGCHAO.id], list(permissions)
        )

    def test_the_founder_enters_accounts(self, founding: Alliance) -> None:
        founding.send(self.entering(founding, DEPLOY), FOUNDER)

        assert permission_of(founding) == (DEPLOY, WANGCHAO.id)

    def test_nobody_else_does(self, founding: Alliance) -> None:
        refusal = founding.refusal(self.entering(founding, DEPLOY), str(MALLORY.address))

        assert refusal.name == "FounderOnly"

    def test_nor_the_founder_once_the_founding_is_closed(self, alliance: Alliance) -> None:
        refusal = alliance.refusal(self.entering(alliance, DEPLOY), FOUNDER)

        assert refusal.name == "FounderOnly"
        assert int(refusal.arguments["expected"], 16) == 0

    def test_lists_of_different_length_are_refused(self, founding: Alliance) -> None:
        refusal = founding.refusal(self.entering(founding, DEPLOY, DEPLOY), FOUNDER)

        assert refusal == Refusal(
            "UnequalAccountLists", {"networks": 1, "accounts": 1, "memberIds": 1, "permissions": 2}
        )
