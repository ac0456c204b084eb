"""What an epoch of many nodes took longest to store: compressed lists, and an index that another one covers."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("permissions", "0013_withheld_lists")]

    operations = [
        migrations.AlterField(
            model_name="epochmember",
            name="epoch",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="members",
                to="permissions.epoch",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE permissions_epochfile ALTER COLUMN content SET STORAGE EXTERNAL",
            "ALTER TABLE permissions_epochfile ALTER COLUMN content SET STORAGE EXTENDED",
        ),
    ]
