"""Keep what is meant beside the serial number, before anything is signed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("certs", "0002_append_only")]
    operations = [
        migrations.AddField(
            model_name="serialnumber",
            name="intent",
            field=models.BinaryField(default=b"", verbose_name="intent"),
        ),
    ]
