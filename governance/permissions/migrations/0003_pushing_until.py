"""A worker's turn to tell a node is kept apart from the wait after a failure: a person ends only the wait."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("permissions", "0002_append_only")]
    operations = [
        migrations.AddField(
            model_name="delivery",
            name="pushing_until",
            field=models.DateTimeField(null=True, verbose_name="being told until"),
        ),
    ]
