"""The ticket to the signature: only what was inspected and linted can be signed.

:class:`Linted` is what :func:`certs.issuing.signing.sign` takes, and :func:`lint` alone makes one; a way to
sign that forgets to lint does not pass the type checker, and fails when it is tried.
"""

from __future__ import annotations

from datetime import datetime
from typing import final

from django.conf import settings

from certs.issuing import inspection, pkix, tbs
from certs.issuing.families import Family
from certs.issuing.plans import Plan

_PERMIT = object()


@final
class Linted:
    """A certificate under a throwaway signature in which nothing was found. Made by :func:`lint` alone.

    ``intent`` is the whole of it, DER; ``tbs`` the octets that are to be signed.
    """

    __slots__ = ("family", "intent", "serial", "tbs")

    family: Family
    intent: bytes
    serial: int
    tbs: bytes

    def __init__(self, permit: object, *, family: Family, intent: bytes, serial: int, tbs: bytes) -> None:
        if permit is not _PERMIT:
            raise TypeError("only certs.issuing.linting.lint makes one")
        for name, value in (("family", family), ("intent", intent), ("serial", serial), ("tbs", tbs)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("what was linted does not change any more")


def compose(plan: Plan, family: Family) -> bytes:
    """The certificate of ``plan`` as it would be, signed by a key that belongs to nobody; DER."""
    body = tbs.compose(plan, family.algorithm)
    return tbs.certificate(body, family.algorithm, family.sign_for_inspection(body))


def lint(intent: bytes, plan: Plan, family: Family, *, now: datetime) -> Linted:
    """Hold ``intent`` against ``plan``, against our own lints and against pkilint's.

    Raises ContentMismatch or LintFinding; nothing may be issued then.
    """
    parts = inspection.inspect(intent, plan, algorithm=family.algorithm, now=now)
    if settings.LINT_CERTIFICATES:
        pkix.lint(intent)
    return Linted(_PERMIT, family=family, intent=intent, serial=plan.serial, tbs=parts.tbs)
