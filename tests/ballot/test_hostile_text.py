"""One member's unreadable proposal is nothing that another's vote fails over."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from web3 import Web3

from tests.ballot.conftest import Desk
from tests.contracts.alliance import DONGLI, WANGCHAO, Alliance, Proposal


@pytest.mark.parametrize("written", [b"\xff\xfe\xfd\xfc", b"Proposal 12: \xed\xa0\x80", b"hello\0"])
def test_an_unreadable_proposal_hides_no_other(
    desk: Desk, alliance: Alliance, proposal: Proposal, written: bytes
) -> None:
    action = alliance.seats.encode_abi("suspend", [WANGCHAO.id])
    bound = written + b"\n" + alliance.binding(DONGLI.voter).encode()
    selector = Web3.keccak(text="propose(address[],uint256[],bytes[],string)")[:4]
    content = encode(
        ["address[]", "uint256[]", "bytes[]", "bytes"],
        [[alliance.seats.address], [0], [bytes.fromhex(action[2:])], bound],
    )
    sent = alliance.ledger.eth.send_transaction(
        {
            "from": DONGLI.voter,
            "to": alliance.governor.address,
            "data": selector + content,
            "gas": 8_000_000,
            "gasPrice": Web3.to_wei(0, "wei"),
        }
    )
    assert alliance.ledger.eth.wait_for_transaction_receipt(sent)["status"] == 1

    shown = desk.run("show", *desk.ledger, "--proposal", "12")
    assert shown.returncode == 0, shown.stderr
    assert "Proposal 12: admit_institution" in shown.stdout
