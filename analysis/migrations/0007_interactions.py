"""What was read of the units that two experiments share."""

import django.db.models.deletion
from django.db import migrations, models

from ledger.triggers import insert_only


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0006_calibration"),
        ("experiments", "0006_decision_arm"),
    ]

    operations = [
        migrations.CreateModel(
            name="InteractionReading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("one_plan_version", models.PositiveIntegerField()),
                ("other_plan_version", models.PositiveIntegerField()),
                ("data_cut", models.DateTimeField()),
                ("units", models.JSONField(default=dict)),
                ("left_out", models.PositiveBigIntegerField(default=0)),
                ("is_skewed", models.BooleanField(default=False)),
                ("split_p_value", models.FloatField(null=True)),
                ("inference", models.CharField(max_length=20)),
                ("lines", models.JSONField(default=list)),
                ("engine", models.CharField(max_length=20)),
                ("code_version", models.CharField(max_length=40)),
                ("actor", models.CharField(max_length=150)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                (
                    "one",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="experiments.experiment",
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="experiments.experiment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("one", "other", "one_plan_version", "other_plan_version", "data_cut"),
                        name="interaction_once_per_cut",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("one", models.F("other")), _negated=True),
                        name="interaction_of_two_experiments",
                    ),
                ],
            },
        ),
        insert_only("analysis_interactionreading"),
    ]
