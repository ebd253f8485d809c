"""When the conditions of an approval were met, and who said so."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("governance", "0004_budget_waivers")]
    operations = [
        migrations.AddField("signoff", "met_at", models.DateTimeField(null=True)),
        migrations.AddField("signoff", "met_by", models.CharField(blank=True, default="", max_length=150)),
        migrations.AddField("signoff", "met_note", models.TextField(blank=True, default="")),
        migrations.AlterField("signoff", "met_by", models.CharField(blank=True, max_length=150)),
        migrations.AlterField("signoff", "met_note", models.TextField(blank=True)),
        migrations.AddConstraint(
            "signoff",
            models.CheckConstraint(
                condition=Q(met_at__isnull=True) | (Q(answer="approved_with_conditions") & ~Q(met_note="")),
                name="only_conditions_are_met",
            ),
        ),
        migrations.AddConstraint(
            "signoff",
            models.CheckConstraint(
                condition=~Q(met_by=F("requested_by")), name="requester_never_meets_conditions"
            ),
        ),
    ]
