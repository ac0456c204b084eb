"""Nodes that their own ledger tells of lists that they are not given."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0012_removals"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="withheld_size",
            field=models.PositiveIntegerField(default=0, verbose_name="size of the log it is kept from"),
        ),
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("list", "has another list in force than was signed"),
                    ("declined", "the node refuses its list"),
                    ("log", "was given another history of lists"),
                    ("withheld", "is kept from newer lists"),
                    ("silent", "nothing heard"),
                    ("clock", "clock is off"),
                    ("old-node", "node software is too old"),
                    ("other-node", "node software is another than recorded"),
                    ("old-agent", "agent is too old"),
                    ("certificate", "certificate ends, no renewal"),
                ],
                max_length=12,
                verbose_name="alarm",
            ),
        ),
    ]
