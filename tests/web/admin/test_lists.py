"""Nodes that are behind can be told again; epochs show what changed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from governance.permissions.models import Epoch, EpochFile

pytestmark = pytest.mark.django_db


def tell_again(client: Client, alliance: SimpleNamespace) -> int:
    address = reverse("admin:permissions_delivery_push", args=[alliance.delivery.pk])
    return client.post(address, {"reason": "Bank asked."}).status_code


def reachable(alliance: SimpleNamespace) -> None:
    alliance.node.push_url = "https://10.0.0.7:9443/"
    alliance.node.save()


def test_a_node_is_told_again(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    reachable(alliance)
    assert tell_again(zhou_lan, alliance) == 302
    alliance.delivery.refresh_from_db()
    assert alliance.delivery.told_epoch == 1
    assert OutboxMessage.objects.filter(topic="permissions.push", done_at=None, dead_at=None).count() == 1
    assert Event.objects.latest("id").action == "node.push_requested"


def test_a_node_that_only_polls_can_not_be_told(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    assert tell_again(zhou_lan, alliance) == 409
    alliance.delivery.refresh_from_db()
    assert alliance.delivery.told_epoch == 2


def test_the_regulator_tells_nobody(wu_rui: Client, alliance: SimpleNamespace) -> None:
    reachable(alliance)
    assert tell_again(wu_rui, alliance) == 403


def test_chosen_nodes_are_told_and_refusals_named(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    page = zhou_lan.post(
        reverse("admin:permissions_delivery_changelist"),
        {"action": "push_chosen", "_selected_action": [alliance.delivery.pk]},
        follow=True,
    )
    said = [str(message) for message in page.context["messages"]]
    assert len(said) == 1
    assert said[0].startswith("1 refused:")


def test_the_convergence_page_sums_up_each_network(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    page = zhou_lan.get(reverse("admin:permissions_delivery_changelist")).content.decode()
    assert "epoch 2, 0 of 1 nodes up to date" in page


@pytest.mark.parametrize("query", ["", "?against=2", "?against=99", "?against=x"])
def test_an_epoch_shows_what_changed_since_another(
    zhou_lan: Client, alliance: SimpleNamespace, query: str
) -> None:
    now = clock.now()
    epoch = Epoch.objects.create(
        network=alliance.epoch.network,
        number=3,
        block=18,
        effective_at=now,
        content_sha256="ce" * 32,
        node_count=0,
        cause="certificate.revoked",
        compiled_at=now,
    )
    EpochFile.objects.create(
        epoch=epoch,
        format="besu",
        path="besu/permissions_config.toml",
        content=b"a = 2 # <b>\n",
        sha256="02" * 32,
    )
    page = zhou_lan.get(reverse("admin:permissions_epoch_change", args=[epoch.pk]) + query)
    compared = query in {"", "?against=2"} or query == "?against=x"
    assert page.status_code == 200
    assert ("<del>-a = 1</del>" in page.content.decode()) is compared
    assert "a = 2 # &lt;b&gt;" in page.content.decode()
