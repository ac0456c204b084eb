"""Applications, their review, and what an institution may change about itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone
from eth_account import Account
from eth_account.messages import encode_defunct

from consortium.core import clock, events
from consortium.members import rules
from consortium.members.errors import Taken, VotingAddressFixed, WrongProof, checked
from consortium.members.models import Category, Institution
from consortium.members.permissions import require_officer_or_secretariat, require_secretariat
from consortium.members.services.common import (
    Register,
    hold,
    locked,
    move,
    needed_reason,
    optional_reason,
    record,
)
from consortium.members.states import Status

SEATLESS = frozenset({Status.APPLIED, Status.IN_REVIEW, Status.MORE_INFORMATION_NEEDED, Status.ADMITTED})
UNIQUE = ("short_name", "uscc", "lei")


@dataclass(frozen=True)
class Particulars:
    """What is known of an institution, checked."""

    short_name: str
    legal_name_zh: str
    legal_name_en: str
    category: Category
    uscc: str
    contact_name: str
    contact_email: str
    contact_phone: str = ""
    lei: str | None = None
    joined_on: date | None = None
    founding_member: bool = False


def apply(
    *,
    short_name: str,
    legal_name_zh: str,
    legal_name_en: str,
    category: Category,
    uscc: str,
    lei: str | None,
    joined_on: date | None,
    contact_name: str,
    contact_email: str,
    contact_phone: str,
    actor: events.Actor,
) -> Institution:
    """Enter an application. Raises InvalidInput for a field, Taken where name, USCC or LEI exist."""
    require_secretariat(actor)
    particulars = Particulars(
        short_name=checked("short_name", rules.slug, short_name),
        legal_name_zh=checked("legal_name_zh", rules.name, legal_name_zh),
        legal_name_en=checked("legal_name_en", rules.name, legal_name_en),
        category=category,
        uscc=checked("uscc", rules.uscc, uscc),
        lei=checked("lei", rules.lei, lei) if lei else None,
        joined_on=checked("joined_on", rules.day, joined_on.isoformat(), today()) if joined_on else None,
        **_contact(contact_name, contact_email, contact_phone),
    )
    with transaction.atomic():
        hold(Register.INSTITUTIONS)
        return enter(particulars, status=Status.APPLIED, action="institution.applied", actor=actor)


def today() -> date:
    """The date where the alliance is (settings.TIME_ZONE)."""
    return timezone.localdate(clock.now())


def _contact(name: str, email: str, phone: str) -> dict[str, Any]:
    return {
        "contact_name": checked("contact_name", rules.name, name, 120),
        "contact_email": checked("contact_email", rules.email, email),
        "contact_phone": checked("contact_phone", rules.phone, phone) if phone.strip() else "",
    }


def enter(
    particulars: Particulars, *, status: Status, action: str, actor: events.Actor, **data: Any
) -> Institution:
    """Write a new institution; the caller holds the register. For ``apply`` and the roster alone."""
    values = vars(particulars)
    for field in UNIQUE:
        if values[field] and Institution.objects.filter(**{field: values[field]}).exists():
            raise Taken(field=field)
    now = clock.now()
    institution = Institution.objects.create(**values, status=status, status_since=now, created_at=now)
    record(action, institution, actor=actor, after=status.value, uscc=particulars.uscc, **data)
    return institution


def start_review(institution: Institution, *, actor: events.Actor, reason: str = "") -> Institution:
    """Take an application up, or up again after the information came."""
    return _decide(
        institution, Status.IN_REVIEW, "institution.review_started", actor, optional_reason(reason)
    )


def request_information(institution: Institution, *, actor: events.Actor, reason: str) -> Institution:
    """Ask the applicant for more; ``reason`` says what is missing."""
    wanted = Status.MORE_INFORMATION_NEEDED
    return _decide(institution, wanted, "institution.information_requested", actor, needed_reason(reason))


def decline(institution: Institution, *, actor: events.Actor, reason: str) -> Institution:
    """Turn an application down, for good. Admission itself is by vote only: no service grants it."""
    return _decide(institution, Status.DECLINED, "institution.declined", actor, needed_reason(reason))


def _decide(
    institution: Institution, wanted: Status, action: str, actor: events.Actor, reason: str
) -> Institution:
    require_secretariat(actor)
    with transaction.atomic():
        now = locked(institution)
        move(now, wanted, action=action, actor=actor, reason=reason)
        return now


def change_contact(
    institution: Institution,
    *,
    contact_name: str,
    contact_email: str,
    contact_phone: str,
    actor: events.Actor,
    reason: str,
) -> Institution:
    """Change whom to reach. Leaves no event when nothing differs."""
    require_officer_or_secretariat(actor, institution)
    values = _contact(contact_name, contact_email, contact_phone)
    said = needed_reason(reason)
    with transaction.atomic():
        now = locked(institution)
        change(now, values, actor=actor, reason=said)
        return now


def change(
    institution: Institution, values: dict[str, Any], *, actor: events.Actor, reason: str = "", **data: Any
) -> bool:
    """Write the fields that differ of a locked institution, and record them with what they were."""
    different = {field: value for field, value in values.items() if getattr(institution, field) != value}
    if not different:
        return False
    changes = {
        field: [_plain(getattr(institution, field)), _plain(value)] for field, value in different.items()
    }
    for field, value in different.items():
        setattr(institution, field, value)
    institution.save(update_fields=list(different))
    record("institution.changed", institution, actor=actor, reason=reason, changes=changes, **data)
    return True


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def set_voting_address(
    institution: Institution, *, address: str, proof: str, actor: events.Actor
) -> Institution:
    """Keep the address that will vote. ``proof``: 0x-hex EIP-191 signature by it over
    ``rules.voting_address_statement``.

    Raises WrongProof; VotingAddressFixed once there is, or was, a seat; Taken when another has it.
    """
    require_officer_or_secretariat(actor, institution)
    wanted = checked("address", rules.voting_address, address)
    with transaction.atomic():
        hold(Register.INSTITUTIONS)
        now = locked(institution)
        if now.status not in SEATLESS:
            raise VotingAddressFixed(institution=str(now))
        _require_proof(now, wanted, proof)
        if Institution.objects.filter(voting_address=wanted).exclude(pk=now.pk).exists():
            raise Taken(field="address")
        _write_address(now, wanted, actor)
        return now


def _require_proof(institution: Institution, address: str, proof: str) -> None:
    statement = rules.voting_address_statement(institution.uscc, address)
    if _signer(statement, proof) != address:
        raise WrongProof(address=address)


def _signer(statement: str, proof: str) -> str | None:
    """Who signed, in EIP-55 form; None for what is no signature."""
    try:
        signature = bytes.fromhex(proof.strip().removeprefix("0x"))
        return Account.recover_message(encode_defunct(text=statement), signature=signature)
    except Exception:  # noqa: BLE001 - the libraries raise half a dozen kinds for malformed signatures
        return None


def _write_address(institution: Institution, address: str, actor: events.Actor) -> None:
    before = institution.voting_address
    if before == address:
        return
    institution.voting_address = address
    institution.save(update_fields=["voting_address"])
    record("institution.voting_address_set", institution, actor=actor, before=before, after=address)
