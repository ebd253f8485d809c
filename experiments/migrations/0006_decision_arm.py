from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0005_saved_filters")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="arm",
            field=models.CharField(blank=True, default="", max_length=63),
            preserve_default=False,
        ),
    ]
