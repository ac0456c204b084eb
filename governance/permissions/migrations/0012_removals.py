"""Nodes that are to leave, in the order that harms nobody."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import consortium.core.models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0003_addresses_and_bootnodes"),
        ("permissions", "0011_log_of_what_was_published"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=consortium.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "revocation_reason",
                    models.CharField(
                        choices=[
                            ("unspecified", "no reason given"),
                            ("keyCompromise", "the private key is, or may be, in other hands"),
                            ("affiliationChanged", "the institution's name or membership changed"),
                            ("superseded", "replaced by a newer certificate"),
                            ("cessationOfOperation", "the node was taken out of service"),
                            ("privilegeWithdrawn", "the alliance withdrew the node's admission"),
                        ],
                        max_length=30,
                        verbose_name="reason of the revocation",
                    ),
                ),
                ("reason", models.TextField(verbose_name="reason")),
                ("ordered_by_label", models.CharField(max_length=200, verbose_name="ordered by")),
                ("ordered_at", models.DateTimeField(verbose_name="ordered")),
                ("completed_at", models.DateTimeField(null=True, verbose_name="completed")),
                ("withdrawn_at", models.DateTimeField(null=True, verbose_name="withdrawn")),
                (
                    "node",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="removals",
                        to="members.node",
                        verbose_name="node",
                    ),
                ),
                (
                    "ordered_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="ordered by",
                    ),
                ),
            ],
            options={
                "verbose_name": "removal of a node",
                "verbose_name_plural": "removals of nodes",
                "ordering": ["-ordered_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("completed_at__isnull", True), ("withdrawn_at__isnull", True)),
                        fields=("node",),
                        name="removal_one_open_per_node",
                    )
                ],
            },
        ),
    ]
