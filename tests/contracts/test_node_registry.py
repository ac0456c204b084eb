"""The registry of nodes: roles, owners, and everything that is refused."""

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
    OBSERVER,
    SEALER,
    SECRETARIAT,
    WANGCHAO,
    Alliance,
    Bank,
    events,
    padded,
    person,
)

MAINNET, TESTNET = padded("settlement-main"), padded("settlement-test")
NODE = person("Wangchao Bank's first node")._key_obj.public_key.to_bytes()
SECOND_NODE = person("Wangchao Bank's second node")._key_obj.public_key.to_bytes()
KEY = bytes(Web3.keccak(NODE))


def executor(alliance: Alliance) -> str:
    return str(alliance.registry.functions.executor().call())


def set_role(
    alliance: Alliance, role: int, *, node: bytes = NODE, network: bytes = MAINNET, bank: Bank = WANGCHAO
) -> Any:
    return alliance.registry.functions.setRole(network, node, bank.id, role)


def role_of(alliance: Alliance, network: bytes = MAINNET, node: bytes = NODE) -> tuple[int, bytes]:
    role, member = alliance.registry.functions.roleOf(network, node).call()
    return role, member


def count(alliance: Alliance, network: bytes = MAINNET) -> int:
    return int(alliance.registry.functions.count(network).call())


def refused(alliance: Alliance, call: Any) -> Refusal:
    return alliance.refusal(call, executor(alliance))


@pytest.mark.parametrize("role", [OBSERVER, SEALER])
def test_a_members_node_is_admitted(alliance: Alliance, role: int) -> None:
    receipt = alliance.rule(set_role(alliance, role))

    assert role_of(alliance) == (role, WANGCHAO.id)
    assert count(alliance) == 1
    assert events(alliance.registry, receipt, "NodeRoleChanged") == [
        {
            "network": MAINNET,
            "nodeKey": KEY,
            "memberId": WANGCHAO.id,
            "consensusId": NODE,
            "role": role,
        }
    ]


@pytest.mark.parametrize(("before", "after"), [(OBSERVER, SEALER), (SEALER, OBSERVER)])
def test_its_role_is_changed(alliance: Alliance, before: int, after: int) -> None:
    alliance.rule(set_role(alliance, before))

    alliance.rule(set_role(alliance, after))

    assert role_of(alliance) == (after, WANGCHAO.id)
    assert count(alliance) == 1


def test_it_is_removed(alliance: Alliance) -> None:
    alliance.rule(set_role(alliance, SEALER))
    alliance.rule(set_role(alliance, OBSERVER, node=SECOND_NODE))

    receipt = alliance.rule(alliance.registry.functions.remove(MAINNET, NODE))

    assert role_of(alliance) == (0, bytes(32))
    assert role_of(alliance, node=SECOND_NODE) == (OBSERVER, WANGCHAO.id)
    assert count(alliance) == 1
    assert events(alliance.registry, receipt, "NodeRoleChanged") == [
        {"network": MAINNET, "nodeKey": KEY, "memberId": WANGCHAO.id, "consensusId": NODE, "role": 0}
    ]


def test_networks_are_apart(alliance: Alliance) -> None:
    alliance.rule(set_role(alliance, SEALER))

    alliance.rule(set_role(alliance, OBSERVER, network=TESTNET, bank=DONGLI))

    assert role_of(alliance) == (SEALER, WANGCHAO.id)
    assert role_of(alliance, TESTNET) == (OBSERVER, DONGLI.id)
    assert (count(alliance), count(alliance, TESTNET)) == (1, 1)


def test_a_removed_node_may_come_back_for_another_member(alliance: Alliance) -> None:
    alliance.rule(set_role(alliance, SEALER))
    alliance.rule(alliance.registry.functions.remove(MAINNET, NODE))

    alliance.rule(set_role(alliance, OBSERVER, bank=DONGLI))

    assert role_of(alliance) == (OBSERVER, DONGLI.id)


def test_a_nodes_owner_is_not_changed_in_passing(alliance: Alliance) -> None:
    alliance.rule(set_role(alliance, OBSERVER))

    refusal = refused(alliance, set_role(alliance, SEALER, bank=DONGLI))

    assert refusal == Refusal(
        "NodeOwnedByAnother", {"nodeKey": KEY, "actual": WANGCHAO.id, "expected": DONGLI.id}
    )


def test_a_role_that_it_has_already_is_refused(alliance: Alliance) -> None:
    alliance.rule(set_role(alliance, SEALER))

    refusal = refused(alliance, set_role(alliance, SEALER))

    assert refusal == Refusal("RoleUnchanged", {"nodeKey": KEY, "role": SEALER})


@pytest.mark.parametrize("role", [0, 3, 255])
def test_an_unknown_role_is_refused(alliance: Alliance, role: int) -> None:
    refusal = refused(alliance, set_role(alliance, role))

    assert refusal == Refusal("InvalidRole", {"actual": role, "lowest": 1, "highest": 2})


def test_a_node_of_no_member_is_refused(alliance: Alliance) -> None:
    refusal = refused(alliance, set_role(alliance, SEALER, bank=LANTIAN))

    assert refusal == Refusal("MemberNotActive", {"memberId": LANTIAN.id, "status": 0})


def test_so_is_one_of_a_suspended_member(alliance: Alliance) -> None:
    alliance.rule(alliance.seats.functions.suspend(DONGLI.id))

    refusal = refused(alliance, set_role(alliance, SEALER, bank=DONGLI))

    assert refusal == Refusal("MemberNotActive", {"memberId": DONGLI.id, "status": 2})


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_the_nodes_of_a_member_that_went_can_be_removed(alliance: Alliance, action: str) -> None:
    alliance.rule(set_role(alliance, SEALER, bank=DONGLI))
    alliance.rule(alliance.seats.functions[action](DONGLI.id))

    alliance.rule(alliance.registry.functions.remove(MAINNET, NODE))

    assert role_of(alliance) == (0, bytes(32))


@pytest.mark.parametrize("length", [0, 32, 63, 65, 128])
def test_a_consensus_id_has_64_bytes(alliance: Alliance, length: int) -> None:
    node = b"\x01" * length
    for call in (
        set_role(alliance, SEALER, node=node),
        alliance.registry.functions.remove(MAINNET, node),
        alliance.registry.functions.roleOf(MAINNET, node),
    ):
        refusal = refused(alliance, call)
        assert refusal == Refusal("InvalidConsensusId", {"actualLength": length, "expectedLength": 64})


@pytest.mark.parametrize(
    "network",
    ["", "Settlement", "settlement main", "settlement_main", "\x00settlement", "settlement\x00main", "清算"],
)
def test_a_network_is_named_by_its_slug(alliance: Alliance, network: str) -> None:
    name = network.encode().ljust(32, b"\0")

    refusal = refused(alliance, set_role(alliance, SEALER, network=name))

    assert refusal == Refusal("InvalidNetwork", {"actual": name})


@pytest.mark.parametrize("network", ["a", "net-2", "n" * 32])
def test_any_slug_of_up_to_32_characters_will_do(alliance: Alliance, network: str) -> None:
    alliance.rule(set_role(alliance, SEALER, network=padded(network)))

    assert role_of(alliance, padded(network)) == (SEALER, WANGCHAO.id)


def test_an_unknown_node_is_not_removed(alliance: Alliance) -> None:
    alliance.rule(set_role(alliance, SEALER))

    refusal = refused(alliance, alliance.registry.functions.remove(TESTNET, NODE))

    assert refusal == Refusal("UnknownNode", {"network": TESTNET, "nodeKey": KEY})


@pytest.mark.parametrize("sender", [SECRETARIAT, FOUNDER, WANGCHAO.voter, MALLORY.address])
def test_nobody_but_the_executor_changes_a_role(alliance: Alliance, sender: str) -> None:
    for call in (set_role(alliance, SEALER), alliance.registry.functions.remove(MAINNET, NODE)):
        refusal = alliance.refusal(call, sender)
        assert refusal == Refusal(
            "ExecutorOnly", {"actual": sender.lower(), "expected": executor(alliance).lower()}
        )


def test_not_even_the_governor_itself_does(alliance: Alliance) -> None:
    refusal = alliance.refusal(set_role(alliance, SEALER), alliance.governor.address)

    assert refusal.name == "ExecutorOnly"


def test_a_nodes_key_is_the_hash_that_ends_in_its_address(alliance: Alliance) -> None:
    key = alliance.registry.functions.keyOf(NODE).call()

    assert key == KEY
    assert Web3.to_checksum_address(key[-20:]) == person("Wangchao Bank's first node").address


def test_it_knows_the_seats_and_the_timelock(alliance: Alliance) -> None:
    assert alliance.registry.functions.seats().call() == alliance.seats.address
    assert executor(alliance) == alliance.governor.functions.timelock().call()
    assert executor(alliance) == alliance.seats.functions.executor().call()


class TestFounding:
    """Before the founding is closed, the founder enters the nodes that the networks start with."""

    def found(self, alliance: Alliance, *roles: int, nodes: tuple[bytes, ...] = (NODE,)) -> Any:
        return alliance.registry.functions.found(
            [MAINNET] * len(nodes), list(nodes), [WANGCHAO.id] * len(nodes), list(roles)
        )

    @pytest.fixture
    def founding(self, ledger: Web3) -> Alliance:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        return alliance

    def test_the_founder_enters_nodes(self, founding: Alliance) -> None:
        nodes = (NODE, SECOND_NODE)
        receipt = founding.send(self.found(founding, SEALER, OBSERVER, nodes=nodes), FOUNDER)

        assert role_of(founding) == (SEALER, WANGCHAO.id)
        assert role_of(founding, node=SECOND_NODE) == (OBSERVER, WANGCHAO.id)
        assert count(founding) == 2
        entered = events(founding.registry, receipt, "NodeRoleChanged")
        assert [event["consensusId"] for event in entered] == [NODE, SECOND_NODE]

    def test_nobody_else_does(self, founding: Alliance) -> None:
        refusal = founding.refusal(self.found(founding, SEALER), str(MALLORY.address))
        assert refusal.name == "FounderOnly"

    def test_nor_the_founder_once_the_founding_is_closed(self, founding: Alliance) -> None:
        founding.hand_over()
        founding.send(founding.seats.functions.closeFounding(founding.governor.address), FOUNDER)
        refusal = founding.refusal(self.found(founding, SEALER), FOUNDER)
        assert refusal.name == "FounderOnly"
        assert int(refusal.arguments["expected"], 16) == 0

    def test_lists_of_different_length_are_refused(self, founding: Alliance) -> None:
        refusal = founding.refusal(self.found(founding, SEALER, SEALER), FOUNDER)
        assert refusal.name == "UnequalNodeLists"

    def test_a_node_needs_a_member_with_a_seat(self, founding: Alliance) -> None:
        call = founding.registry.functions.found([MAINNET], [NODE], [DONGLI.id], [SEALER])
        refusal = founding.refusal(call, FOUNDER)
        assert refusal.name == "MemberNotActive"
