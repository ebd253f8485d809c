"""A seal over all audit rows, and one over those that are there."""

from django.db import migrations, models
from django.db.models import Q


def seal(apps, schema_editor):
    from ledger.audit import next_seal

    made, rows = "", 0
    events = apps.get_model("ledger", "AuditEvent").objects.order_by("id")
    for sha256 in events.values_list("sha256", flat=True).iterator():
        made, rows = next_seal(made, sha256), rows + 1
    if rows:
        apps.get_model("ledger", "AuditHead").objects.create(id=1, rows=rows, seal=made)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_audit_insert_only")]
    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("rows", models.PositiveBigIntegerField()),
                ("seal", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=Q(id=1), name="audit_head_one_row")]
            },
        ),
        migrations.RunPython(seal, migrations.RunPython.noop),
    ]
