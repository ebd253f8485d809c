from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("impact", "0005_weeks_and_slices")]

    operations = [
        migrations.CreateModel(
            name="KeptDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("environment", models.CharField(max_length=63)),
                ("recipe", models.CharField(max_length=32)),
                ("metric", models.CharField(max_length=63)),
                ("day", models.DateField()),
                ("dimension", models.CharField(blank=True, max_length=120)),
                ("levels", models.JSONField()),
                ("rows", models.BigIntegerField()),
                ("read_at", models.DateTimeField()),
            ],
            options={"ordering": ["day"]},
        ),
        migrations.AddConstraint(
            model_name="keptday",
            constraint=models.UniqueConstraint(
                fields=("environment", "recipe", "dimension", "day"), name="one_kept_day_of_a_dimension"
            ),
        ),
    ]
