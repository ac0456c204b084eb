"""The ledger networks whose nodes the alliance admits."""

from __future__ import annotations

from django.db import transaction

from consortium.core import events
from consortium.members import rules
from consortium.members.errors import Taken, checked
from consortium.members.models import Network
from consortium.members.permissions import require_secretariat


def add_network(*, slug: str, name_zh: str, name_en: str, actor: events.Actor) -> Network:
    """Make a network known. Its slug goes on chain with every node, so it can't be changed afterwards.

    Raises InvalidInput for a field, Taken where the slug exists.
    """
    require_secretariat(actor)
    values = {
        "slug": checked("slug", rules.slug, slug, 32),
        "name_zh": checked("name_zh", rules.name, name_zh, 80),
        "name_en": checked("name_en", rules.name, name_en, 80),
    }
    with transaction.atomic():
        network, made = Network.objects.get_or_create(slug=values["slug"], defaults=values)
        if not made:
            raise Taken(field="slug")
        events.record("network.added", network, actor=actor)
    return network
