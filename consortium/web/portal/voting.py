"""What an officer can do about its institution's vote, and the ballot that it would sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _
from eth_utils.crypto import keccak

from consortium.core import clock
from consortium.core.errors import ConsoleError, InvalidInput
from consortium.members.models import Institution, User
from governance.ballot import typed_data
from governance.chain.models import CastVote
from governance.proposals import electorate, facts, mandates, rules, selectors
from governance.proposals.mandates import Mandate
from governance.proposals.models import Proposal

_DECIDING = {rules.State.SUBMITTING, rules.State.PENDING, rules.State.VOTING}
_COMPACT = 64  # bytes of a signature in EIP-2098's form
_TOP_BIT = 1 << 255


@dataclass(frozen=True)
class OurVote:
    """Where an institution's vote stands inside it, for one of its officers.

    ``hindrance`` says why this officer can't act at all, ``voter`` is the address that votes.
    """

    mandate: Mandate | None
    may_propose: bool
    may_sign: bool
    alone: bool
    hindrance: ConsoleError | None = None
    voter: str = ""
    signers: list[User] = field(default_factory=list)

    @property
    def choice(self) -> str:
        return "" if self.mandate is None else str(CastVote.Support(self.mandate.support).label)


def our_vote(
    account: User, proposal: Proposal, overview: selectors.Overview, own: selectors.OwnVote | None
) -> OurVote | None:
    """None for those who have no vote to cast: the secretariat, the regulator."""
    bank = account.institution
    if bank is None or not account.is_member:
        return None
    now = clock.now()
    mandate = mandates.standing(proposal, bank)
    signed = own is not None and own.status != selectors.BallotStatus.REFUSED
    voter = "" if overview.starts_at is None else _voter(proposal, bank, overview)
    hindrance = _hindrance(account)
    deciding = overview.state in _DECIDING and not signed and hindrance is None
    return OurVote(
        mandate=mandate,
        may_propose=deciding,
        may_sign=bool(
            deciding and voter and overview.state == rules.State.VOTING and _may_sign(mandate, account)
        ),
        alone=deciding and mandates.alone(account, now),
        hindrance=hindrance,
        voter=voter,
        signers=[other for other in mandates.officers_able(bank, now) if other.pk != account.pk],
    )


def ballot_to_sign(proposal: Proposal, *, support: int, voter: str) -> typed_data.Ballot:
    """The one ballot that this voter can cast so on this proposal."""
    proposal_id = int(proposal.chain_proposal_id)
    return typed_data.Ballot(
        chain_id=proposal.ledger.chain_id,
        governor=facts.governor_of(proposal),
        proposal_id=proposal_id,
        support=support,
        voter=voter,
        nonce=typed_data.keyed_nonce(proposal_id),
    )


def for_wallet(ballot: typed_data.Ballot) -> dict[str, Any]:
    """As ``eth_signTypedData_v4`` takes it. Large numbers are text: JSON's end at 2^53 for a browser."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            **typed_data.TYPES,
        },
        "primaryType": "Ballot",
        "domain": ballot.domain,
        "message": {
            **ballot.message,
            "proposalId": str(ballot.proposal_id),
            "nonce": str(ballot.nonce),
        },
    }


def digest(ballot: typed_data.Ballot) -> str:
    """The 32 bytes that are signed, 0x-hex: for whoever's key sits where only a hash can be handed in."""
    parts = typed_data.signable(ballot)
    return "0x" + keccak(b"\x19" + parts.version + parts.header + parts.body).hex()


def signature(pasted: str) -> str:
    """A pasted signature as the governor takes it: 0x-hex, 65 bytes, ending in 1b or 1c.

    Wallets and HSMs also give 00 or 01 at the end, or EIP-2098's 64 bytes. Raises InvalidInput.
    """
    digits = "".join(pasted.split()).removeprefix("0x").removeprefix("0X")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raise _no_signature() from None
    if len(raw) == _COMPACT:
        s = int.from_bytes(raw[32:])
        raw = raw[:32] + (s % _TOP_BIT).to_bytes(32) + bytes([27 + s // _TOP_BIT])
    if len(raw) == typed_data.SIGNATURE_LENGTH and raw[64] in (0, 1):
        raw = raw[:64] + bytes([27 + raw[64]])
    if len(raw) != typed_data.SIGNATURE_LENGTH or raw[64] not in (27, 28):
        raise _no_signature()
    return "0x" + raw.hex()


def _no_signature() -> InvalidInput:
    return InvalidInput(
        field="signature",
        reason=_("A signature is 0x and 130 hexadecimal digits (65 bytes), or 128 in the compact form."),
    )


def _voter(proposal: Proposal, bank: Institution, overview: selectors.Overview) -> str:
    if overview.starts_at is None:
        return ""
    return electorate.voter_of(proposal.ledger, overview.starts_at, bank.uscc) or ""


def _hindrance(account: User) -> ConsoleError | None:
    try:
        mandates.desk(account, clock.now())
    except ConsoleError as error:
        return error
    return None


def _may_sign(mandate: Mandate | None, account: User) -> bool:
    if mandate is None:
        return False
    try:
        mandates.check(mandate, officer=account, support=mandate.support, now=clock.now())
    except ConsoleError:
        return False
    return True
