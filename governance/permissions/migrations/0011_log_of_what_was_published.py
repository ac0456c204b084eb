"""What was published before there was a log is entered in it, epoch by epoch."""

from collections.abc import Iterator
from typing import Any

from django.db import migrations

from governance.permissions import digests


def enter(apps: Any, schema_editor: Any) -> None:
    epochs = apps.get_model("permissions", "Epoch").objects.filter(published_at__isnull=False)
    entries = apps.get_model("permissions", "LogEntry").objects
    for network in epochs.order_by("network_id").values_list("network_id", flat=True).distinct():
        rows = epochs.filter(network_id=network, log_entry=None).order_by("number")
        entries.bulk_create(_entries(apps, network, rows), batch_size=500)


def _entries(apps: Any, network: str, epochs: Any) -> Iterator[Any]:
    files = apps.get_model("permissions", "EpochFile").objects
    head = digests.START
    for position, epoch in enumerate(epochs, start=1):
        named = dict(files.filter(epoch=epoch).values_list("path", "sha256"))
        entry = digests.Entry(epoch.number, digests.of_files(named))
        head = digests.after(head, network, entry)
        yield apps.get_model("permissions", "LogEntry")(
            network_id=network,
            position=position,
            epoch=epoch,
            digest=entry.digest,
            head=head,
            entered_at=epoch.published_at,
        )


class Migration(migrations.Migration):
    dependencies = [("permissions", "0010_log_of_digests")]
    operations = [migrations.RunPython(enter, migrations.RunPython.noop)]
