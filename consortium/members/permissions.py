"""Who may do what. Services ask; pages and API only show less by it."""

from __future__ import annotations

from consortium.core.errors import NotAllowed, NotFound
from consortium.core.events import Actor, AutomaticActor
from consortium.members.models import Institution, User


def require_secretariat(actor: Actor) -> None:
    """The secretariat, or a part of the console itself. Raises NotAllowed for everybody else."""
    if isinstance(actor, AutomaticActor):
        return
    if not (isinstance(actor, User) and actor.is_secretariat):
        raise NotAllowed


def require_officer_of(actor: Actor, institution: Institution) -> None:
    """An officer of this very institution, or a part of the console itself.

    Raises NotAllowed for secretariat and regulator, who may know of it, and NotFound for officers of others.
    """
    if isinstance(actor, AutomaticActor):
        return
    if not isinstance(actor, User) or not actor.is_active:
        raise NotAllowed
    if actor.is_member and actor.institution_id != institution.pk:
        raise NotFound
    if not actor.is_member:
        raise NotAllowed


def require_officer_or_secretariat(actor: Actor, institution: Institution) -> None:
    """What a member does for itself and the secretariat may do for it: contact, nodes, officers."""
    if isinstance(actor, User) and actor.is_secretariat:
        return
    require_officer_of(actor, institution)
