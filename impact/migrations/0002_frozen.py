from django.db import migrations

from ledger.triggers import frozen_when, insert_only

RATIO = (
    "surface_id, number, value_model_id, per_100_ms, standard_error, low, high, grade, findings, method, "
    "price_minor, price_low_minor, price_high_minor, price_error_minor, currency, baseline_ms, valid_until"
)
EVIDENCE = "surface_id, kind, grade, outcome, per_100_ms, standard_error, began_on, ended_on, units, method, origin"


class Migration(migrations.Migration):
    dependencies = [("impact", "0001_evidence_and_ratio")]

    operations = [
        insert_only("impact_valuemodel"),
        frozen_when("impact_ratio", "OLD.state <> 'draft'", RATIO),
        frozen_when("impact_evidence", "OLD.state <> 'candidate'", EVIDENCE),
    ]
