"""One thing has one name: actors, causes, states and pages, in the reader's language."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from consortium.core import clock, events
from consortium.core.models import OutboxMessage
from consortium.web import wording
from consortium.web.admin import timeline
from governance.chain.relay import RELAY
from governance.permissions.models import Alarm, Epoch
from tests import factories
from tests.web.admin.test_pages import detail

pytestmark = pytest.mark.django_db


def in_chinese(client: Client, address: str) -> str:
    client.cookies["django_language"] = "zh-hans"
    return client.get(address).content.decode()


def crumbs(page: str) -> list[str]:
    """The parts of the breadcrumb."""
    heading = page.split("<h1", 1)[1].split("</h1>", 1)[0]
    return re.findall(r'truncate tracking-tight">([^<]*)<', heading)


def test_parts_of_the_console_and_nodes_are_named_in_chinese() -> None:
    with translation.override("zh-hans"):
        shown = {label: wording.actor(label) for label in ("relay", "schedule", "node nanpu/node-1")}
    assert shown == {"relay": "中继服务", "schedule": "定时任务", "node nanpu/node-1": "节点 nanpu/node-1"}
    with translation.override("en"):
        assert wording.actor("node nanpu/node-1") == "node nanpu/node-1"
    assert wording.actor("zhou.lan") == "zhou.lan"


def test_every_automatic_actor_of_the_console_is_worded() -> None:
    actors = (events.INDEXER, events.SIGNER, events.PUSHER, events.COMMAND, events.CLOCK, RELAY)
    assert {str(actor) for actor in actors} <= set(wording.ACTORS)


def test_the_event_log_names_actors_in_chinese(zhou_lan: Client, hailong: Any) -> None:
    with transaction.atomic():
        event = events.record("institution.changed", hailong, actor=events.SIGNER)
    assert "签发进程" in in_chinese(zhou_lan, reverse("admin:core_event_changelist"))
    assert "签发进程" in in_chinese(zhou_lan, detail(event))
    with translation.override("zh-hans"):
        assert timeline.entry(event).actor == "签发进程"


def test_the_cause_of_a_list_is_worded_and_keeps_what_it_was_about() -> None:
    with translation.override("en"):
        told = wording.cause("registry.changed nanpu/node-1")
        assert wording.cause("") == ""
    assert told == "node's role changed on the ledger nanpu/node-1"
    with translation.override("zh-hans"):
        assert wording.cause("node.retired nanpu/node-1") == "节点已退役 nanpu/node-1"


def test_an_epoch_and_its_event_show_the_worded_cause(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    cause = "registry.changed nanpu/node-1"
    Epoch.objects.filter(pk=alliance.epoch.pk).update(cause=cause)
    with transaction.atomic():
        told = events.record("epoch.compiled", alliance.epoch, actor=events.INDEXER, reason=cause)
    words = "node&#x27;s role changed on the ledger nanpu/node-1"
    for address in (reverse("admin:permissions_epoch_changelist"), detail(alliance.epoch), detail(told)):
        assert words in zhou_lan.get(address).content.decode()
    assert timeline.entry(told).reason == wording.cause(cause)


def test_states_are_states_and_not_times_in_chinese(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    now = clock.now()
    OutboxMessage.objects.create(
        topic="permissions.push", queue="push", key="k", created_at=now, due_at=now, done_at=now
    )
    page = in_chinese(zhou_lan, reverse("admin:core_outboxmessage_changelist") + "?state=done")
    assert '<span class="console-pill console-good">已完成</span>' in page
    assert "密钥" not in page
    epoch = in_chinese(zhou_lan, detail(alliance.epoch))
    assert '<span class="console-pill console-good">已发布</span>' in epoch


@pytest.mark.parametrize(
    ("model", "english", "chinese"),
    [
        ("permissions_delivery", "Convergence", "同步情况"),
        ("permissions_epoch", "Epochs", "各期名单"),
        ("chain_castvote", "Votes on chain", "链上投票"),
    ],
)
def test_a_list_is_called_what_the_menu_calls_it(
    zhou_lan: Client, alliance: SimpleNamespace, model: str, english: str, chinese: str
) -> None:
    address = reverse(f"admin:{model}_changelist")
    page = zhou_lan.get(address)
    assert page.context["title"] == english
    assert crumbs(page.content.decode())[-1] == english
    assert crumbs(in_chinese(zhou_lan, address))[-1] == chinese


def test_an_identifier_keeps_its_letters_in_the_breadcrumb(zhou_lan: Client) -> None:
    node = factories.NodeFactory(institution=factories.InstitutionFactory(n=3, active=True))
    assert str(node)[0].islower()
    assert crumbs(zhou_lan.get(detail(node)).content.decode())[-1] == str(node)


def test_pages_say_which_zone_their_times_are_in(zhou_lan: Client, hailong: Any) -> None:
    addresses = ("/admin/", reverse("admin:members_institution_changelist"), detail(hailong))
    for address in addresses:
        assert "Times: UTC+08:00 (Asia/Shanghai)" in zhou_lan.get(address).content.decode()
    zhou_lan.cookies["zone"] = "UTC"
    for address in addresses:
        assert "Times: UTC<" in zhou_lan.get(address).content.decode()


def test_what_nodes_have_and_report_is_called_by_the_nodes_name(
    zhou_lan: Client, alliance: SimpleNamespace
) -> None:
    node = alliance.node
    alarm = Alarm.objects.create(node=node, kind=Alarm.Kind.LOG, params={"size": 3}, since=clock.now())
    with translation.override("en"):
        names = [str(alliance.delivery), str(alliance.report), str(alarm)]
    assert names == [
        f"{node} · settlement",
        f"{node} · settlement 1",
        f"{node} · was given another history of lists",
    ]
    for row in (alliance.delivery, alliance.report, alarm):
        address = reverse(f"admin:permissions_{row._meta.model_name}_change", args=[row.pk])
        crumbs = zhou_lan.get(address).content.decode()
        assert str(node) in crumbs.partition("</title>")[0] + crumbs.partition("console-head")[0]
        assert str(node.pk) not in crumbs.partition("</title>")[0]
