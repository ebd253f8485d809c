"""What was scheduled for publication is what is published: remember its checksum."""

from django.db import migrations, models

from ledger.triggers import frozen_when

PLANNED = (
    "flag_id, environment_id, kind, version_id, rule, coverage_ppm, run_at, reason, created_by, created_at"
)
BEFORE = frozen_when("flags_scheduledchange", "TRUE", PLANNED)


class Migration(migrations.Migration):
    dependencies = [("flags", "0006_reviews_holdouts_schedules")]

    operations = [
        migrations.AddField(
            "scheduledchange",
            "checksum",
            models.CharField(max_length=64, blank=True, default=""),
            preserve_default=False,
        ),
        migrations.RunSQL(BEFORE.reverse_sql, BEFORE.sql),
        frozen_when("flags_scheduledchange", "TRUE", f"{PLANNED}, checksum"),
    ]
