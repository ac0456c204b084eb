"""Every page about lists on their way, in a real browser: both languages, a telephone and a desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client
from playwright.sync_api import Browser

from consortium.core import clock
from consortium.members.models import Network, Node
from governance.permissions import guards, rollouts, rules
from governance.permissions.models import (
    Delivery,
    Epoch,
    EpochFile,
    EpochFinding,
    EpochMember,
    EpochOverride,
    GuardPolicy,
    Removal,
    RolloutPolicy,
)
from governance.permissions.services import entering
from governance.permissions.services.rollouts import write
from tests.browser.screen import Screen
from tests.factories import UserFactory
from tests.i18n.reading import left_in_english, marked
from tests.i18n.test_catalogue import AS_THEY_ARE
from tests.permissions.spread import alarmed, spread

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STATES = ["verified"] * 5 + ["applied", "held", "behind", "declined", "mismatch"]
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def secretary(browser: Browser, live_server: Any) -> Iterator[Screen]:
    """zhou.lan of the secretariat reads; nothing may go wrong on the way."""
    client = Client()
    client.force_login(UserFactory(secretariat=True, username="zhou.lan"))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    screen = Screen(context, live_server.url)
    yield screen
    context.close()
    assert screen.complaints == []


@pytest.fixture
def pages() -> dict[str, str]:
    """A list on its way in stages, a newer one that the guards hold, a node with an alarm that leaves."""
    network = spread(STATES)
    node = Node.objects.get(name="node-8")
    alarm = alarmed(node, "clock", seconds=3600)
    out = Epoch.objects.get(number=2)
    policy = RolloutPolicy.objects.create(network=network, mode="staged", waves=[1000, 5000, 10_000])
    plan = rollouts.Plan((str(node.pk),), (0, 1000, 5000, 10_000), "ab12")
    rollout = write(out, Epoch.objects.get(number=1), plan, policy, "", clock.now())
    rollout.stages.update(published_at=clock.now())
    kept = held(network)
    removal = Removal.objects.create(
        node=node, revocation_reason="cessationOfOperation", reason="机房关闭。",
        ordered_by=UserFactory(secretariat=True, username="li.jun"), ordered_by_label="li.jun",
        ordered_at=clock.now(),
    )  # fmt: skip
    with transaction.atomic():
        [entry] = entering.enter([out])
    GuardPolicy.objects.create(network=network, dropped_percent=50)
    lists, admin = f"/lists/networks/{network.pk}", "/admin/permissions"
    return {
        "lists": "/lists/",
        "convergence": f"{lists}/",
        "history": f"{lists}/epochs/",
        "changes": f"{lists}/changes/?from=1&to=2",
        "epoch": f"/lists/{out.pk}/",
        "epoch-held": f"/lists/{kept.pk}/",
        "node": f"/nodes/{node.pk}/",
        "admin-epochs": f"{admin}/epoch/",
        "admin-epoch": f"{admin}/epoch/{out.pk}/change/",
        "admin-epoch-held": f"{admin}/epoch/{kept.pk}/change/",
        "admin-override": f"{admin}/epoch/{kept.pk}/override/",
        "admin-guards": f"{admin}/epoch/guards/",
        "admin-rollouts": f"{admin}/rollout/",
        "admin-rollout": f"{admin}/rollout/{rollout.pk}/change/",
        "admin-rollout-policy": f"{admin}/rollout/policy/",
        "admin-roll-back": f"{admin}/rollout/{rollout.pk}/roll_back/",
        "admin-release": f"{admin}/rollout/release/",
        "admin-removals": f"{admin}/removal/",
        "admin-removal": f"{admin}/removal/{removal.pk}/change/",
        "admin-removal-order": f"{admin}/removal/order/",
        "admin-alarms": f"{admin}/alarm/",
        "admin-alarm": f"{admin}/alarm/{alarm.pk}/change/",
        "admin-log": f"{admin}/logentry/",
        "admin-entry": f"{admin}/logentry/{entry.pk}/change/",
        "admin-deliveries": f"{admin}/delivery/",
        "admin-delivery": f"{admin}/delivery/{Delivery.objects.get(node=node).pk}/change/",
        "admin-node": f"/admin/members/node/{node.pk}/change/",
    }


def held(network: Network) -> Epoch:
    """Epoch 3, in which most nodes would go; one of two people wants it published."""
    at = clock.now() - timedelta(minutes=1)
    epoch = Epoch.objects.create(
        network=network, number=3, block=300, effective_at=at, content_sha256="ab" * 32, node_count=1,
        cause="registry.changed", compiled_at=at,
    )  # fmt: skip
    content = b'{"network": "settlement", "epoch": 3, "nodes": []}'
    EpochFile.objects.create(
        epoch=epoch, format="json", path=rules.JSON_PATH, content=content, sha256=rules.sha256(content)
    )
    EpochMember.objects.create(epoch=epoch, node=Node.objects.get(name="node-0"), role=1)
    found = {"count": 9, "of": 10, "percent": 33, "nodes": "heming-bank/n1, nanpu-bank/n1, yunting-bank/n1"}
    EpochFinding.objects.create(epoch=epoch, code=guards.TOO_MANY_DROPPED, params=found)
    EpochOverride.objects.create(
        epoch=epoch, person=UserFactory(secretariat=True, username="ke.lin"), person_label="ke.lin",
        reason="这些机房今日已关闭。", at=clock.now(),
    )  # fmt: skip
    return epoch


def speak(screen: Screen, language: str) -> None:
    screen.page.context.add_cookies([{"name": "django_language", "value": language, "url": screen.url}])


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_fits_a_telephone_and_a_desk(
    secretary: Screen, pages: dict[str, str], tmp_path: Path, language: str
) -> None:
    speak(secretary, language)
    too_wide = []
    for name, path in pages.items():
        secretary.open(path)
        for width in (390, 1440):
            secretary.page.set_viewport_size({"width": width, "height": 900})
            if not secretary.page.evaluate(FITS):
                too_wide.append((name, width))
            secretary.page.screenshot(path=tmp_path / f"{name}-{language}-{width}.png", full_page=True)
    assert too_wide == []


def test_each_is_chinese_to_who_reads_chinese(secretary: Screen, pages: dict[str, str]) -> None:
    speak(secretary, "zh-hans")
    as_they_are = {*AS_THEY_ARE, "English", "no bootnode in the list"}  # the last is a node's own word
    ours, found = marked(), {}
    for name, path in pages.items():
        answer = secretary.page.request.get(secretary.url + path)
        assert answer.ok, path
        english = left_in_english(answer.text(), ours, as_they_are)
        if english:
            found[name] = english
    assert found == {}
