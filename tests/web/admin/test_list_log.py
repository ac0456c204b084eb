"""The page of the log of lists: heads, and where they are on the ledger, for both who oversee."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consortium.core import clock
from governance.chain.models import Ledger, RelayTransaction
from governance.permissions.models import Anchor, Epoch, EpochFile, LogEntry
from governance.permissions.services import entering
from tests.factories import NetworkFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/permissions/logentry/"
CONTRACT = "0x" + "55" * 20


@pytest.fixture
def entries(ledger: Ledger) -> list[LogEntry]:
    """Four lists were published; with the third the head was anchored."""
    Ledger.objects.update(anchors=CONTRACT)
    made = [entered(number) for number in range(1, 5)]
    anchored(ledger, made[2])
    return made


def entered(number: int) -> LogEntry:
    now = clock.now()
    epoch = Epoch.objects.create(
        network=NetworkFactory(slug="settlement"), number=number, block=number, effective_at=now,
        content_sha256="0" * 64, node_count=1, cause="test", compiled_at=now, published_at=now,
    )  # fmt: skip
    EpochFile.objects.create(
        epoch=epoch, format="json", path="permissions.json", content=b"{}", sha256=f"{number:064x}"
    )
    with transaction.atomic():
        [entry] = entering.enter([epoch])
    return entry


def anchored(ledger: Ledger, entry: LogEntry, **values: Any) -> Anchor:
    sent = RelayTransaction.objects.create(
        **{
            "ledger": ledger, "key": f"anchor:{entry.position}", "to": CONTRACT, "data": "0x",
            "status": "mined",
            "nonce": entry.position, "tx_hash": f"0x{entry.position:064x}", "block": 4711,
            "created_at": clock.now(), "mined_at": clock.now(), **values,
        }
    )  # fmt: skip
    return Anchor.objects.create(
        network=entry.network, size=entry.position, head=entry.head, contract=CONTRACT, transaction=sent,
        wanted_at=clock.now(),
    )  # fmt: skip


def test_the_list_says_which_entries_are_anchored(zhou_lan: Client, entries: list[LogEntry]) -> None:
    page = zhou_lan.get(LIST).content.decode()
    assert page.count("anchored in block 4711") == 3, "an anchor stands for all before it"
    assert entries[3].head in page, "the newest head, whole, to be read to somebody"
    assert "not anchored yet" in page
    assert "4 entries, the newest of epoch 4" in page


def test_a_row_shows_its_files_and_every_try(
    zhou_lan: Client, wu_rui: Client, ledger: Ledger, entries: list[LogEntry]
) -> None:
    anchored(
        ledger, entries[3], status="refused", nonce=None, tx_hash=None, block=None, mined_at=None,
        error_code="PublisherOnly",
    )  # fmt: skip
    for reader in (zhou_lan, wu_rui):
        page = reader.get(f"{LIST}{entries[0].pk}/change/").content.decode()
        assert "permissions.json" in page
        assert f"0x{3:064x}" in page
        assert ("PublisherOnly" in page, CONTRACT in page) == (True, True)


def test_nobody_changes_an_entry(zhou_lan: Client, entries: list[LogEntry]) -> None:
    assert zhou_lan.get(f"{LIST}add/").status_code == 403
    assert zhou_lan.post(f"{LIST}{entries[0].pk}/change/", {"digest": "x"}).status_code == 403
    assert zhou_lan.post(f"{LIST}{entries[0].pk}/delete/").status_code == 403


def test_a_member_has_no_such_page(chen_ling: Client, entries: list[LogEntry]) -> None:
    assert chen_ling.get(LIST).status_code in {302, 403, 404}


def test_more_entries_cost_no_more_queries(zhou_lan: Client, entries: list[LogEntry]) -> None:
    zhou_lan.get(LIST)
    before = queries(zhou_lan)
    for number in range(5, 15):
        entered(number)
    assert queries(zhou_lan) == before


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(LIST).status_code == 200
    return len(seen)
