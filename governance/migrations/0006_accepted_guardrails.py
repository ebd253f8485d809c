"""Why a retro-guardrail counts that would not have tripped on its own incident, and who said so."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("governance", "0005_conditions")]
    operations = [
        migrations.AddField("retroguardrail", "accepted_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "retroguardrail", "accepted_by", models.CharField(blank=True, default="", max_length=150)
        ),
        migrations.AddField("retroguardrail", "accepted_because", models.TextField(blank=True, default="")),
        migrations.AlterField("retroguardrail", "accepted_by", models.CharField(blank=True, max_length=150)),
        migrations.AlterField("retroguardrail", "accepted_because", models.TextField(blank=True)),
        migrations.AddConstraint(
            "retroguardrail",
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | ~(Q(accepted_because="") | Q(accepted_by="")),
                name="accepted_retro_guardrails_say_why",
            ),
        ),
    ]
