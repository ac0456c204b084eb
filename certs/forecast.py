"""Everything that runs out, soonest first: authorities, cross-certificates, lists, all certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from certs import rules, selectors
from certs.models import Authority, Certificate, CrossCertificate, Profile, RevocationList
from consortium.core import clock

_FORGOTTEN = timedelta(days=90)  # what ended that long ago without a successor is nobody's concern any more


class Kind(models.TextChoices):
    """What it is that runs out."""

    ROOT = "root", _("root")
    ISSUING = "issuing", _("issuing authority")
    CROSS = "cross", _("cross-certificate")
    LIST = "list", _("revocation list")
    CONSOLE = "console", _("console's own certificate")
    NODE = "node", _("node's certificate")
    OFFICER = "officer", _("officer's certificate")
    PROGRAM = "program", _("program's certificate")
    LIST_ROOT = "list-root", _("root of the permission lists")  # told by a source of its own


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends. ``due``: when the signing worker renews it by itself; None where people must."""

    kind: Kind
    name: str
    ends: datetime
    due: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        """Time until the end; negative afterwards."""
        return self.ends - now

    def alarms(self, now: datetime, within: timedelta) -> bool:
        """Must somebody act? For what renews itself: when it should have, and half of the rest is gone."""
        if self.due is None:
            return self.ends <= now + within
        return now >= self.due + (self.ends - self.due) / 2


# What other parts have that runs out: asked each time, and harmless when added twice.
Source = Callable[[datetime], Iterable[Expiry]]
_sources: list[Source] = []


def add(source: Source) -> None:
    """Have ``source`` asked for what runs out besides certificates and what they hang on."""
    if source not in _sources:
        _sources.append(source)


def soonest(expiries: Iterable[Expiry]) -> list[Expiry]:
    """In the order in which they end."""
    return sorted(expiries, key=lambda expiry: (expiry.ends, expiry.kind, expiry.name))


def everything(now: datetime | None = None) -> list[Expiry]:
    """All that runs out, soonest first."""
    now = now or clock.now()
    ours = [*_authorities(now), *_crosses(now), *_lists(now), *_of_members(now), *_own(now)]
    return soonest([*ours, *(one for source in _sources for one in source(now))])


def alarming(now: datetime, within: timedelta) -> list[Expiry]:
    """What somebody must see to, soonest first."""
    return [expiry for expiry in everything(now) if expiry.alarms(now, within)]


def _authorities(now: datetime) -> Iterator[Expiry]:
    for row in Authority.objects.filter(not_after__gt=now - _FORGOTTEN):
        kind = Kind.ROOT if row.kind == Authority.Kind.ROOT else Kind.ISSUING
        yield Expiry(kind, row.name, row.not_after)


def _crosses(now: datetime) -> Iterator[Expiry]:
    rows = CrossCertificate.objects.filter(not_after__gt=now - _FORGOTTEN).select_related("subject", "issuer")
    for row in rows:
        yield Expiry(Kind.CROSS, f"{row.subject.name} · {row.issuer.name}", row.not_after)


def _lists(now: datetime) -> Iterator[Expiry]:
    """The newest of each part; a root's are signed in ceremonies, all others by the signing worker."""
    living = RevocationList.objects.filter(authority__not_after__gt=now).order_by(
        "authority_id", "shard", "-number"
    )
    for row in living.distinct("authority_id", "shard").defer("der").select_related("authority"):
        name = row.authority.name if row.shard is None else f"{row.authority.name} {row.shard}"
        half = row.this_update + (row.next_update - row.this_update) / 2
        people = row.authority.kind == Authority.Kind.ROOT
        yield Expiry(Kind.LIST, name, row.next_update, None if people else half)


def _of_members(now: datetime) -> Iterator[Expiry]:
    """Certificates in use without a later one: of nodes that are in service, of officers and programs."""
    rows = selectors.valid_certificates(now).filter(~selectors.succeeded(now))
    rows = rows.filter(Q(node__isnull=False, node__retired_at__isnull=True) | Q(holder__isnull=False))
    for row in rows.defer("der").select_related("node", "node__institution", "holder", "institution"):
        yield Expiry(_kind(row), _name(row), row.not_after)


def _kind(row: Certificate) -> Kind:
    if row.node_id is not None:
        return Kind.NODE
    return Kind.OFFICER if row.profile == Profile.OFFICER else Kind.PROGRAM


def _name(row: Certificate) -> str:
    bank = f"{row.institution.short_name} · " if row.institution else ""
    return f"{bank}{row.node.name if row.node else row.holder}"


def _own(now: datetime) -> Iterator[Expiry]:
    """The newest of each service, ended or not: a gateway without a valid one is what this is for."""
    rows = Certificate.objects.filter(node__isnull=True, holder__isnull=True, revocation__isnull=True)
    rows = rows.filter(not_after__gt=now - _FORGOTTEN).defer("der").order_by("-issued_at")
    newest: dict[tuple[str, str], Certificate] = {}
    for row in rows.select_related("authority"):
        newest.setdefault(_service(row), row)
    for (profile, name), row in newest.items():
        shown = f"{profile} · {name}" if name else profile
        yield Expiry(Kind.CONSOLE, shown, row.not_after, _renewed(row))


def _service(row: Certificate) -> tuple[str, str]:
    """One gateway, one responder for each authority, one signer for each name."""
    if row.profile == Profile.OCSP:
        return row.profile, row.authority.name
    return row.profile, "" if row.profile == Profile.GATEWAY else row.subject


def _renewed(row: Certificate) -> datetime | None:
    """The gateway's is made by a command, since it must be restarted; the others by the signing worker."""
    if row.profile == Profile.GATEWAY:
        return None
    return row.not_after - rules.profile(row.profile).window
