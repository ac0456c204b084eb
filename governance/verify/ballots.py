"""The ballot that a member signs (EIP-712), rebuilt here to see whose signature it carries."""

from __future__ import annotations

from eth_account import Account
from eth_account.messages import encode_typed_data

from governance.verify.document import Ballot, Bundle
from governance.verify.errors import NotProven

_TYPES = {
    "Ballot": [
        {"name": "proposalId", "type": "uint256"},
        {"name": "support", "type": "uint8"},
        {"name": "voter", "type": "address"},
        {"name": "nonce", "type": "uint256"},
    ]
}
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def signer(bundle: Bundle, ballot: Ballot) -> str:
    """Who signed exactly this ballot (EIP-55). Raises NotProven where nobody did."""
    return signer_for(bundle.chain_id, bundle.governor, bundle.proposal.id, ballot)


def signer_for(chain_id: int, governor: str, proposal_id: int, ballot: Ballot) -> str:
    """As :func:`signer`, for whoever has no bundle yet."""
    domain = {
        "name": "Consortium Governor",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": governor,
    }
    message = {
        "proposalId": proposal_id,
        "support": ballot.support,
        "voter": ballot.voter,
        "nonce": (proposal_id % 2**192) << 64,
    }
    try:
        raw = bytes.fromhex(ballot.signature.removeprefix("0x"))  # older files have it without
        if len(raw) != 65 or raw[64] not in (27, 28) or int.from_bytes(raw[32:64]) > _HALF_ORDER:
            raise ValueError("no canonical signature of 65 bytes")
        signable = encode_typed_data(domain_data=domain, message_types=_TYPES, message_data=message)
        return str(Account.recover_message(signable, signature=raw))
    except Exception as error:  # the errors of impossible points and values share no base
        raise NotProven("ballot_unsigned", voter=ballot.voter, reason=error) from error
