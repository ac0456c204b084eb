"""Certificates straight into the tables: for what is asked of dates and holders, not of signatures."""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime, timedelta
from typing import Any

from certs.models import Authority, Certificate, SerialNumber
from consortium.core import clock
from consortium.members.models import Node, User

_numbers = itertools.count(1)
YEAR = timedelta(days=365)


def authority(name: str = "nodes", *, ends: datetime | None = None, **values: Any) -> Authority:
    """An issuing CA of ten years, which has half of them left."""
    now = clock.now().replace(microsecond=0)
    ends = ends or now + 5 * YEAR
    return Authority.objects.create(
        name=name,
        kind=Authority.Kind.ISSUING,
        der=name.encode(),
        key_name=name,
        spki_sha256=hashlib.sha256(name.encode()).hexdigest(),
        not_before=ends - 10 * YEAR,
        not_after=ends,
        created_at=now,
        **values,
    )


def certificate(
    of: Node | User | str,
    issuer: Authority,
    *,
    ends: datetime | None = None,
    period: timedelta = YEAR,
    profile: str = "evm-node",
    **values: Any,
) -> Certificate:
    """Of a node, an account, or (a string) of a service of the console with that name."""
    number, now = next(_numbers), clock.now().replace(microsecond=0)
    ends = ends or now + period - timedelta(seconds=1)
    serial = SerialNumber.objects.create(
        serial=f"{2**80 + number:022x}", authority=issuer, allocated_at=now, request=None
    )
    node, holder = (of if isinstance(of, Node) else None), (of if isinstance(of, User) else None)
    der = f"certificate {number}".encode()
    return Certificate.objects.create(
        **{
            "serial": serial,
            "authority": issuer,
            "node": node,
            "holder": holder,
            "institution": node.institution if node else holder.institution if holder else None,
            "profile": profile,
            "der": der,
            "fingerprint_sha256": hashlib.sha256(der).hexdigest(),
            "spki_sha256": hashlib.sha256(f"key {number}".encode()).hexdigest(),
            "subject": of if isinstance(of, str) else f"CN={of}",
            "not_before": ends - period + timedelta(seconds=1),
            "not_after": ends,
            "issued_at": now,
            "crl_shard": number % issuer.crl_shards,
            **values,
        }
    )
