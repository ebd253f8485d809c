"""PostgreSQL itself refuses to change or delete audit rows."""

from django.db import migrations

from ledger.triggers import insert_only


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [insert_only("ledger_auditevent")]
