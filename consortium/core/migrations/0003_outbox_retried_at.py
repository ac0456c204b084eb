from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0002_event_append_only")]
    operations = [
        migrations.AddField(
            model_name="outboxmessage",
            name="retried_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="tried again"),
        ),
    ]
