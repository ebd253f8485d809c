from django.db import migrations

from ledger.triggers import insert_only


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial")]

    operations = [insert_only("metrics_metricversion")]
