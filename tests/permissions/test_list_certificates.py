"""The keys that sign lists have certificates of the alliance's list authority, renewed by themselves."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import call_command

from certs.models import Authority, Certificate
from consortium.core import clock
from governance.permissions import tasks, tufrepo
from tests.permissions.world import World

pytestmark = pytest.mark.django_db


def published(places: Path) -> dict[str, x509.Certificate]:
    files = (places / "pki" / "lists").glob("*.crt")
    return {path.stem: x509.load_der_x509_certificate(path.read_bytes()) for path in files}


def test_each_online_key_has_one(world: World, places: Path, settings: Any) -> None:
    output = StringIO()
    for _ in range(2):
        call_command("create_list_keys", "--passphrase-file", settings.SIGNING_PASSPHRASE_FILE, stdout=output)
    assert [line.split(": ")[1].split()[0] for line in output.getvalue().splitlines()[1::2]] == ["3", "0"]
    found = published(places)
    assert set(found) == set(tufrepo.ONLINE_KEYS.values())
    root = json.loads((settings.TUF_DIR / "root.json").read_text())["signed"]
    of_nodes = {key["keyval"]["public"] for key in root["keys"].values()}
    for made in found.values():
        raw = made.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        pem = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        assert {raw, pem} & of_nodes, "nodes know another key by root.json"
        lists = Authority.objects.get(purpose="lists")
        made.verify_directly_issued_by(x509.load_der_x509_certificate(bytes(lists.der)))


def test_the_signing_worker_renews_them(world: World, places: Path) -> None:
    tasks.renew_signatures()
    first = published(places)
    tasks.renew_signatures()
    assert published(places) == first
    assert Certificate.objects.filter(profile="list-signer").count() == 3
    with clock.frozen(min(one.not_valid_after_utc for one in first.values()) - timedelta(days=30)):
        tufrepo.certify()
        later = published(places)
    assert {name: one.public_key() for name, one in later.items()} == {
        name: one.public_key() for name, one in first.items()
    }
    assert all(later[name].not_valid_after_utc > first[name].not_valid_after_utc for name in first)


def test_a_networks_key_has_one_as_soon_as_it_signs(world: World, places: Path) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    tasks.renew_signatures()
    assert set(published(places)) == {*tufrepo.ONLINE_KEYS.values(), "lists-network-settlement"}
