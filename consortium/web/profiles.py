"""Which profiles pages offer: those that can be had here, for nodes or for people and programs."""

from __future__ import annotations

from certs import rules
from certs.models import Profile
from certs.profiles import HOLDER as HOLDER
from certs.profiles import NODE as NODE


def offered(needs: str) -> list[Profile]:
    """Profiles for a node or for a holder that can be issued here."""
    return [profile for profile in of(needs) if rules.profile(profile).enabled]


def of(needs: str) -> list[Profile]:
    """Likewise, those that are off as well."""
    return [profile for profile in Profile if rules.profile(profile).needs == needs]


def off(needs: str) -> list[tuple[Profile, str]]:
    """Those that can't be had here, and why."""
    specs = ((profile, rules.profile(profile)) for profile in of(needs))
    return [(profile, spec.why_off) for profile, spec in specs if not spec.enabled]
