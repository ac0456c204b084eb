"""What the guardians do, as the tests see it: confirm with a transaction, or sign and let anyone relay."""

from __future__ import annotations

import hashlib
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from tests.contracts.alliance import GUARDIANS, MALLORY, SEALER, WANGCHAO, Alliance, Proposal, padded, person

MAINNET = padded("settlement-main")
NODE = person("Wangchao Bank's first node")._key_obj.public_key.to_bytes()
REASON = hashlib.sha256(b"Its key was found on a stolen disk.").digest()
ANOTHER_REASON = hashlib.sha256(b"It signs two blocks at the same height.").digest()
GU, HE, MA = GUARDIANS

HOUR = 3600
LONGEST, REST, ROUND = 72 * HOUR, 30 * 24 * HOUR, 24 * HOUR

TYPES: dict[str, list[dict[str, str]]] = {
    "FreezeConfirmation": [
        {"name": "network", "type": "bytes32"},
        {"name": "consensusId", "type": "bytes"},
        {"name": "reasonHash", "type": "bytes32"},
        {"name": "guardian", "type": "address"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ],
    "CancelConfirmation": [
        {"name": "proposalId", "type": "uint256"},
        {"name": "reasonHash", "type": "bytes32"},
        {"name": "guardian", "type": "address"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ],
}


def admit(alliance: Alliance, node: bytes = NODE, network: bytes = MAINNET) -> None:
    """Wangchao Bank has this sealer, by vote."""
    alliance.rule(alliance.registry.functions.setRole(network, node, WANGCHAO.id, SEALER))


# Freezing


def confirming(
    alliance: Alliance, *, node: bytes = NODE, network: bytes = MAINNET, reason: bytes = REASON
) -> ContractFunction:
    return alliance.break_glass.functions.confirmFreeze(network, node, reason)


def confirm(alliance: Alliance, guardian: LocalAccount, **what: Any) -> TxReceipt:
    return alliance.send(confirming(alliance, **what), str(guardian.address))


def freeze(alliance: Alliance, **what: Any) -> TxReceipt:
    """Two guardians confirm; the receipt of the second."""
    confirm(alliance, GU, **what)
    return confirm(alliance, HE, **what)


def is_frozen(alliance: Alliance, node: bytes = NODE, network: bytes = MAINNET) -> bool:
    """As of the latest block."""
    return bool(alliance.registry.functions.isFrozen(network, node).call())


def frozen_until(alliance: Alliance) -> int:
    return int(alliance.registry.functions.frozenUntil(MAINNET, NODE).call())


def freeze_number(alliance: Alliance) -> int:
    """Of the node's last freeze; 0 if it was thawed or removed since."""
    return int(alliance.registry.functions.freezeOf(MAINNET, NODE).call()[0])


def confirmed(alliance: Alliance, **what: Any) -> list[str]:
    """Which guardians have confirmed the freeze in the round that is open."""
    call = confirming(alliance, **what)
    return list(alliance.break_glass.functions.freezeConfirmations(*call.arguments).call()[0])


# Cancelling


def cancelling(alliance: Alliance, proposal: Proposal, reason: bytes = REASON) -> ContractFunction:
    return alliance.break_glass.functions.confirmCancel(proposal.executable, reason)


def confirm_cancel(alliance: Alliance, guardian: LocalAccount, proposal: Proposal) -> TxReceipt:
    return alliance.send(cancelling(alliance, proposal), str(guardian.address))


# Signing


def sign_freeze(alliance: Alliance, guardian: LocalAccount, deadline: int, /, **wrong: Any) -> bytes:
    """`wrong` replaces what is signed, the key, the chain or the contract."""
    key = alliance.break_glass.functions.freezeNonceKey(MAINNET, NODE, REASON).call()
    message = {"network": MAINNET, "consensusId": NODE, "reasonHash": REASON}
    return _sign(alliance, "FreezeConfirmation", message, guardian, key, deadline, wrong)


def sign_cancel(
    alliance: Alliance, guardian: LocalAccount, proposal: Proposal, deadline: int, /, **wrong: Any
) -> bytes:
    """`wrong` replaces what is signed, the key, the chain or the contract."""
    key = alliance.break_glass.functions.cancelNonceKey(proposal.id, REASON).call()
    message = {"proposalId": proposal.id, "reasonHash": REASON}
    return _sign(alliance, "CancelConfirmation", message, guardian, key, deadline, wrong)


def relaying(
    alliance: Alliance, guardian: LocalAccount, deadline: int, signature: bytes, **what: Any
) -> ContractFunction:
    arguments = (what.get("network", MAINNET), what.get("node", NODE), what.get("reason", REASON))
    call = alliance.break_glass.functions.confirmFreezeBySig
    return call(*arguments, guardian.address, deadline, signature)


def relaying_cancel(
    alliance: Alliance, guardian: LocalAccount, proposal: Proposal, deadline: int, signature: bytes
) -> ContractFunction:
    call = alliance.break_glass.functions.confirmCancelBySig
    return call(proposal.executable, REASON, guardian.address, deadline, signature)


def _sign(
    alliance: Alliance,
    kind: str,
    message: dict[str, Any],
    guardian: LocalAccount,
    key: int,
    deadline: int,
    wrong: dict[str, Any],
) -> bytes:
    domain = {
        "name": "Consortium Break-Glass",
        "version": "1",
        "chainId": wrong.pop("chain", alliance.ledger.eth.chain_id),
        "verifyingContract": wrong.pop("contract", alliance.break_glass.address),
    }
    signer = wrong.pop("signer", guardian)
    nonce = alliance.break_glass.functions.nonces(guardian.address, key).call()
    message = {**message, "guardian": guardian.address, "nonce": nonce, "deadline": deadline, **wrong}
    signed = Account.sign_typed_data(signer.key, domain, {kind: TYPES[kind]}, message)
    return bytes(signed.signature)


# Votes on freezes


def ratification(alliance: Alliance, *, reason: bytes = REASON) -> Proposal:
    """The vote that the last freeze of the node opened, its text as anybody can write it from the events."""
    number = freeze_number(alliance)
    call = alliance.registry.functions.ratifyFreeze(MAINNET, NODE, number)
    key = alliance.registry.functions.keyOf(NODE).call()
    text = (
        f"Ratification of freeze {number}\n"
        f"Subject: settlement-main 0x{key.hex()}\n"
        f"Reason SHA-256: 0x{reason.hex()}\n"
        f"{alliance.binding(alliance.break_glass.address)}"
    )
    return alliance.draft(call, description=text)


OUTSIDERS = (WANGCHAO.voter, str(MALLORY.address))
