from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0002_refused_relays_and_unfinished_deployments"),
    ]

    operations = [
        # Events are a copy of the ledger's: `rebuild_projection` fills the column for any that are there.
        migrations.AddField(
            model_name="chainevent",
            name="about",
            field=models.CharField(default="", max_length=200),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="chainevent",
            index=models.Index(fields=["about", "block", "log_index"], name="chain_event_about"),
        ),
        migrations.AddIndex(
            model_name="chainevent",
            index=models.Index(fields=["name", "block_time"], name="chain_event_name"),
        ),
    ]
