"""What people read of a certificate's life: its states, and the revocation reasons in plain words.

A wrong reason misleads everybody who relies on the certificate, so each says when to choose it and what
follows, beside the choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from certs import life
from certs.models import RevocationReason

Text = str | Promise

# Chosen by the secretariat alone: they are the alliance's word on a member, not the member's own.
SECRETARIAT_REASONS = frozenset({RevocationReason.PRIVILEGE_WITHDRAWN})

STATES: Mapping[str, Text] = {
    life.VALID: pgettext_lazy("certificate", "valid"),
    life.SUSPENDED: pgettext_lazy("certificate", "suspended"),
    life.EXPIRED: _("expired"),
    life.REVOKED: _("revoked"),
}

RENEWAL_STATES: Mapping[str, Text] = {
    life.NOT_YET: _("can't be renewed yet"),
    life.OPEN: _("can be renewed"),
    life.RENEWED: _("renewed"),
    life.ENDED: _("ran out: request a new one"),
    life.NOT_RENEWABLE: _("can't be renewed"),
}

# Why a certificate can't be renewed; the codes of RenewalFacts.blocked.
NOT_RENEWABLE: Mapping[str, Text] = {
    "revoked": _("It has been revoked. Request a new certificate, with a new key."),
    "suspended": _("It is suspended. It can be renewed once it is released."),
    "node_retired": _("Its node has been retired."),
    "institution_not_active": _("Certificates are for active members alone, and its institution is not one."),
    "holder_inactive": _("The account it is for is switched off."),
    "console": _("The console renews its own certificates by itself."),
    "profile_off": _("Its profile is switched off here."),
}


@dataclass(frozen=True, slots=True)
class Explained:
    """``code`` is the RFC's own name; ``when`` to choose it, ``then`` what follows."""

    code: str
    label: Text
    when: Text
    then: Text


_WORDS: dict[RevocationReason, tuple[Text, Text]] = {
    RevocationReason.KEY_COMPROMISE: (
        _(
            "Somebody else has the private key, or may have it: a stolen machine, a backup in the wrong "
            "hands, a key sent by mail. Suspicion is enough."
        ),
        _(
            "It works at once, at any hour, and needs no second person. Whoever relies on the certificate "
            "also doubts what it signed before. Its key is never certified again; what was renewed with it "
            "by EST is suspended until you release it."
        ),
    ),
    RevocationReason.SUPERSEDED: (
        _("A newer certificate has taken its place already. Nothing is wrong with the key."),
        _(
            "What it signed before stays good. After a renewal there is no need: both may run until the "
            "old one ends."
        ),
    ),
    RevocationReason.CESSATION_OF_OPERATION: (
        _("The node, the program or the post that used it is no more, and nothing takes its place."),
        _("What it signed before stays good. A node without another certificate leaves the permission list."),
    ),
    RevocationReason.AFFILIATION_CHANGED: (
        _(
            "What it says of its holder is no longer true: the institution was renamed or merged, or the "
            "person left. Nothing is wrong with the key."
        ),
        _("What it signed before stays good. Request a new certificate that says what is true now."),
    ),
    RevocationReason.UNSPECIFIED: (
        _("None of the others fits. Say why in the comment."),
        _("The list names no reason at all: those who rely on the certificate learn only that it ended."),
    ),
    RevocationReason.PRIVILEGE_WITHDRAWN: (
        _("The alliance took back what the certificate stood for, by vote or by order."),
        _("The secretariat alone revokes for it. What the certificate signed before stays good."),
    ),
}

# The rest of the RFC's list, and why nobody is offered it for a certificate of a node, person or program.
NOT_OFFERED: Mapping[str, Text] = {
    "certificateHold": _(
        "The one state that can be taken back, so it is a step of its own: suspend, and later release."
    ),
    "removeFromCRL": _("Says in delta lists that a suspension ended. Releasing does it; nobody chooses it."),
    "cACompromise": _("For the certificates of authorities: done in a ceremony with the root, not here."),
    "aACompromise": _("This alliance has no attribute authorities."),
}


def explained(reasons: Iterable[RevocationReason] = tuple(_WORDS)) -> list[Explained]:
    """``reasons`` with their explanations, the gravest first."""
    chosen = set(reasons)
    return [
        Explained(each.value, each.label, when, then)
        for each, (when, then) in _WORDS.items()
        if each in chosen
    ]


def for_members() -> list[Explained]:
    """What an officer may choose for its own institution's certificates."""
    return explained(set(_WORDS) - SECRETARIAT_REASONS)


def for_secretariat() -> list[Explained]:
    """All that may be chosen."""
    return explained()
