"""What the database itself refuses: changes of anything a look found, and of trips beyond their own course."""

from django.db import migrations

from ledger.triggers import frozen_when, insert_only

TRIPS = """
CREATE FUNCTION analysis_trip_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('resolved', 'waived') AND
     (NEW.state, NEW.severity, NEW.settled_at, NEW.settled_by, NEW.reason)
     IS DISTINCT FROM (OLD.state, OLD.severity, OLD.settled_at, OLD.settled_by, OLD.reason) THEN
    RAISE EXCEPTION 'a settled trip stays as it is';
  END IF;
  IF OLD.state = 'acknowledged' AND NEW.state = 'open' THEN
    RAISE EXCEPTION 'a trip that was acknowledged does not open again';
  END IF;
  IF OLD.severity = 'confirmed' AND NEW.severity <> 'confirmed' THEN
    RAISE EXCEPTION 'a confirmed harm does not become a lesser one';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER analysis_trip_moves BEFORE UPDATE ON analysis_guardrailtrip
FOR EACH ROW EXECUTE FUNCTION analysis_trip_moves();
"""
TRIPS_BACK = """
DROP TRIGGER analysis_trip_moves ON analysis_guardrailtrip;
DROP FUNCTION analysis_trip_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("analysis", "0001_initial")]

    operations = [
        insert_only("analysis_analysisrun"),
        insert_only("analysis_metricresult"),
        insert_only("analysis_healthcheck"),
        insert_only("analysis_reportsnapshot"),
        frozen_when(
            "analysis_guardrailtrip",
            "TRUE",
            "experiment_id, metric_version_id, metric, arm, is_blocking, opened_at",
        ),
        migrations.RunSQL(TRIPS, TRIPS_BACK),
    ]
