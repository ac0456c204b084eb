"""The proof that an institution holds the key of its voting address: a signed sentence (EIP-191)."""

from __future__ import annotations

import re

from eth_account.messages import encode_defunct

from governance.ballot.texts import BallotError
from governance.ballot.typed_data import Signer


def statement(uscc: str, address: str) -> str:
    """What is signed; the console's ``members.rules.voting_address_statement`` says the same."""
    return f"Consortium Console: {address} votes for the institution {uscc}."


def prove(uscc: str, key: Signer) -> str:
    """The proof, 0x-hex. Raises BallotError for what is no unified social credit code."""
    if not re.fullmatch(r"[0-9A-Z]{18}", uscc):
        raise BallotError("uscc_bad", value=uscc)
    signed = key.sign_message(encode_defunct(text=statement(uscc, key.address)))
    return "0x" + bytes(signed.signature).hex()
