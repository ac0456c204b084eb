"""What the secretariat does about a node that is behind."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consortium.web.admin.acts import Act, Outcome, RemarkForm, actor
from governance.permissions.models import Delivery
from governance.permissions.services import push_again


def _push(request: HttpRequest, row: Delivery, cleaned: dict[str, Any]) -> Outcome:
    push_again(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The node is being told again."))


def _behind(row: Delivery) -> bool:
    return row.applied_epoch < row.wanted_epoch


DELIVERY_ACTS = (
    Act("push", _("Tell again"), _push, RemarkForm, _behind, style="main", icon="notifications_active"),
)
