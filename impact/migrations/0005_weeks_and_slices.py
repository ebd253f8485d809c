import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("impact", "0004_ablation_studies")]

    operations = [
        migrations.AddField(
            model_name="ablationstudy",
            name="dimensions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=100), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="ablationstudy",
            name="follow",
            field=models.JSONField(default=dict),
        ),
    ]
