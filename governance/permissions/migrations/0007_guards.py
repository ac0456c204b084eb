"""What the guards look for and found, and who let an epoch out in spite of it: findings stay as they are."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES = ("permissions_epochfinding", "permissions_epochoverride")


def _create(table: str) -> str:
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0003_addresses_and_bootnodes"),
        ("permissions", "0006_last_reports_known"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GuardPolicy",
            fields=[
                (
                    "network",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="guard_policy",
                        serialize=False,
                        to="members.network",
                        verbose_name="network",
                    ),
                ),
                (
                    "dropped_percent",
                    models.PositiveSmallIntegerField(
                        default=33,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="share of nodes (%)",
                    ),
                ),
                (
                    "dropped_least",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="number of nodes",
                    ),
                ),
                (
                    "window_minutes",
                    models.PositiveIntegerField(
                        default=60,
                        validators=[django.core.validators.MaxValueValidator(10080)],
                        verbose_name="counted together (minutes)",
                    ),
                ),
            ],
            options={
                "verbose_name": "guards of a network",
                "verbose_name_plural": "guards of networks",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("dropped_percent__gte", 1), ("dropped_percent__lte", 100)),
                        name="guard_share_is_percent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("dropped_least__gte", 1)), name="guard_drops_at_least_one"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EpochFinding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=40, verbose_name="finding")),
                ("params", models.JSONField(default=dict, verbose_name="details")),
                (
                    "epoch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="permissions.epoch",
                        verbose_name="epoch",
                    ),
                ),
            ],
            options={
                "verbose_name": "finding",
                "verbose_name_plural": "findings",
                "ordering": ["id"],
                "constraints": [models.UniqueConstraint(fields=("epoch", "code"), name="epoch_finding_once")],
            },
        ),
        migrations.CreateModel(
            name="EpochOverride",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("person_label", models.CharField(max_length=200, verbose_name="name")),
                ("reason", models.TextField(verbose_name="reason")),
                ("at", models.DateTimeField(verbose_name="time")),
                (
                    "epoch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrides",
                        to="permissions.epoch",
                        verbose_name="epoch",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "override",
                "verbose_name_plural": "overrides",
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("epoch", "person"), name="epoch_override_once")
                ],
            },
        ),
        *(migrations.RunSQL(_create(table), f"DROP TRIGGER append_only ON {table};") for table in TABLES),
    ]
