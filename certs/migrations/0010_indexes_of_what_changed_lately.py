"""What each publication asks: which certificates are new, whose status changed since a revision."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("certs", "0009_revocations_say_by_whom_issued")]
    operations = [
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(fields=["-issued_at"], name="certificate_issued"),
        ),
        migrations.AddIndex(
            model_name="revocation",
            index=models.Index(fields=["authority", "revision"], name="revocation_revision"),
        ),
        migrations.AddIndex(
            model_name="suspension",
            index=models.Index(fields=["authority", "revision"], name="suspension_revision"),
        ),
    ]
