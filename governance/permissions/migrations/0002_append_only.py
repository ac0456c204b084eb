"""History can't be rewritten, not even by a bug: the database refuses UPDATE and DELETE."""

from django.db import migrations

TABLES = ("permissions_epochfile", "permissions_epochmember", "permissions_acknowledgement")


def _create(table: str) -> str:
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    )


class Migration(migrations.Migration):
    dependencies = [("permissions", "0001_epochs_and_deliveries"), ("core", "0002_event_append_only")]
    operations = [
        migrations.RunSQL(_create(table), f"DROP TRIGGER append_only ON {table};") for table in TABLES
    ]
