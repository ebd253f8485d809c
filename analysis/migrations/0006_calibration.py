"""Nightly A/A splits of live traffic, and what they said of each metric."""

import django.db.models.deletion
from django.db import migrations, models

from ledger.triggers import insert_only


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0005_shares"),
        ("experiments", "0001_initial"),
        ("metrics", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CalibrationNight",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("metric", models.CharField(max_length=63)),
                ("units", models.PositiveBigIntegerField()),
                ("replicates", models.PositiveIntegerField()),
                ("rejected", models.PositiveIntegerField()),
                ("covered", models.PositiveIntegerField()),
                ("alpha", models.FloatField()),
                ("variance_ratio", models.FloatField()),
                ("code_version", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField()),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="experiments.experiment",
                    ),
                ),
                (
                    "metric_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="metrics.metricversion",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["metric_version", "day"], name="calibration_by_version")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "experiment", "metric_version"), name="calibration_once_per_night"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("covered__lte", models.F("replicates")),
                            ("rejected__lte", models.F("replicates")),
                        ),
                        name="calibration_counts_in_order",
                    ),
                ],
            },
        ),
        insert_only("analysis_calibrationnight"),
    ]
