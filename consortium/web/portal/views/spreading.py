"""How lists spread: a network's convergence as it happens, the history of its epochs, what differs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from consortium.members.models import Network, User
from consortium.web import alarms, holds, spreading
from consortium.web.portal import listing, scope
from consortium.web.portal.views.base import Page, one
from governance.permissions import convergence, delivery
from governance.permissions import differences as comparing
from governance.permissions import selectors as lists
from governance.permissions.models import Epoch
from governance.permissions.rules import JSON_PATH

LENGTH = 50  # epochs on a page of history
SHOWN = 500  # entries of a difference, of each kind
# A sign for each state, so that no colour has to be told from another.
MARKS = {
    "refused": "⊘", "mismatch": "≠", "declined": "×", "behind": "!", "held": "‖", "waiting": "·",
    "told": "…", "pulled": "↓", "applied": "✓", "verified": "●", "unlisted": "–",
}  # fmt: skip


def network_to_watch(account: User, slug: str) -> Network:
    """How other banks' nodes fare is for secretariat and regulator alone; else a 404."""
    if not scope.oversees(account):
        raise Http404
    return one(Network.objects.all(), pk=slug)


class Convergence(Page):
    """Every node of a network on its way to the newest list."""

    template_name = "portal/convergence.html"
    section = "lists"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        network = network_to_watch(self.account, kwargs["slug"])
        picture = convergence.picture(network)
        counts = picture.counts
        shown = [state for state in delivery.STATES if state != delivery.UNLISTED]
        return super().get_context_data(
            network=network,
            picture=picture,
            total=len(picture.cells),
            data=spreading.as_json(picture),
            legend=[(s, MARKS[s], listing.LIST_STATES[s].label, counts.get(s, 0)) for s in shown],
            alarms=[(row, alarms.sentence(row)) for row in lists.alarms(network)[:100]],
            **kwargs,
        )


@require_safe
@login_required
def convergence_state(request: HttpRequest, slug: str) -> HttpResponse:
    """What the page's script asks for every few seconds."""
    network = network_to_watch(scope.signed_in(request.user), slug)
    return JsonResponse(spreading.as_json(convergence.picture(network)))


class History(Page):
    """A network's epochs, and how long each took."""

    template_name = "portal/epochs.html"
    section = "lists"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        network = one(scope.networks(self.account), pk=kwargs["slug"])
        before = _number(self.request, "before")
        chapters = convergence.history(network, before=before, length=LENGTH)
        states = holds.states(row.epoch for row in chapters)
        numbers = lists.epochs(network).values_list("number", flat=True)
        return super().get_context_data(
            network=network,
            chapters=[(row, states[row.epoch.pk]) for row in chapters],
            newest=numbers.first(),
            older=chapters[-1].epoch.number if chapters and chapters[-1].epoch.number > 1 else None,
            begins=before is None,
            oversees=scope.oversees(self.account),
            **kwargs,
        )


class Differences(Page):
    """What differs between two epochs of a network, from the files that were signed."""

    template_name = "portal/epoch_changes.html"
    section = "lists"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        network = one(scope.networks(self.account), pk=kwargs["slug"])
        epochs = lists.epochs(network)
        after = _chosen(epochs, _number(self.request, "to")) or epochs.first()
        if after is None:
            raise Http404
        since = _number(self.request, "from")
        wanted = after.number - 1 if since is None else since
        before = _chosen(epochs, wanted)
        return super().get_context_data(
            network=network,
            before=before,
            after=after,
            wanted=wanted,
            unknown=before is None and wanted > 0,
            sections=changes(before, after),
            shown=f":{SHOWN}",
            most=SHOWN,
            **kwargs,
        )


def changes(before: Epoch | None, after: Epoch) -> list[comparing.Section]:
    """What differs between two epochs; without one before, everything entered."""
    old = bytes(before.files.get(path=JSON_PATH).content) if before else None
    return comparing.sections(old, bytes(after.files.get(path=JSON_PATH).content))


@require_safe
@login_required
def epoch_file(request: HttpRequest, pk: Any, path: str) -> HttpResponse:
    """A file of an epoch, byte for byte as it was signed."""
    epoch = one(scope.epochs(scope.signed_in(request.user)), pk=pk)
    file = one(epoch.files.all(), path=path)
    name = f"{epoch.network_id}-{epoch.number}-{path.replace('/', '-')}"
    return HttpResponse(
        bytes(file.content),
        content_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "ETag": f'"{file.sha256}"',
            "X-Content-SHA256": file.sha256,
        },
    )


def _number(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _chosen(epochs: Any, number: int | None) -> Epoch | None:
    found: Epoch | None = epochs.filter(number=number).first() if number else None
    return found
