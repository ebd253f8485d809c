"""What the database itself refuses: illegal states, and changes of anything that was locked."""

from django.db import migrations

from ledger.triggers import frozen_when, insert_only

STATES = """
CREATE FUNCTION experiments_state_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (
    ('draft', 'in_review'), ('draft', 'running'),
    ('in_review', 'draft'), ('in_review', 'approved'),
    ('approved', 'draft'), ('approved', 'scheduled'), ('approved', 'running'),
    ('scheduled', 'approved'), ('scheduled', 'running'),
    ('running', 'paused'), ('running', 'stopped'), ('running', 'invalid'),
    ('paused', 'running'), ('paused', 'stopped'), ('paused', 'invalid'),
    ('stopped', 'decided'), ('stopped', 'invalid'),
    ('decided', 'rolling_out'), ('decided', 'closed'),
    ('rolling_out', 'closed')
  ) THEN
    RAISE EXCEPTION 'an experiment that is % cannot become %', OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER experiments_state_moves BEFORE UPDATE OF state ON experiments_experiment
FOR EACH ROW EXECUTE FUNCTION experiments_state_moves();
"""
STATES_BACK = """
DROP TRIGGER experiments_state_moves ON experiments_experiment;
DROP FUNCTION experiments_state_moves();
"""

PARTS = """
CREATE FUNCTION experiments_parts_locked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE of_version bigint := CASE TG_OP WHEN 'INSERT' THEN NEW.version_id ELSE OLD.version_id END;
BEGIN
  IF (SELECT locked_at FROM experiments_experimentversion WHERE id = of_version) IS NOT NULL THEN
    RAISE EXCEPTION 'this version of the experiment is locked: % cannot change', TG_TABLE_NAME;
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER experiments_arm_locked BEFORE INSERT OR UPDATE OR DELETE ON experiments_arm
FOR EACH ROW EXECUTE FUNCTION experiments_parts_locked();
CREATE TRIGGER experiments_binding_locked BEFORE INSERT OR UPDATE OR DELETE ON experiments_metricbinding
FOR EACH ROW EXECUTE FUNCTION experiments_parts_locked();
"""
PARTS_BACK = """
DROP TRIGGER experiments_arm_locked ON experiments_arm;
DROP TRIGGER experiments_binding_locked ON experiments_metricbinding;
DROP FUNCTION experiments_parts_locked();
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0001_initial")]

    operations = [
        migrations.RunSQL(STATES, STATES_BACK),
        migrations.RunSQL(PARTS, PARTS_BACK),
        frozen_when(
            "experiments_experimentversion",
            "OLD.locked_at IS NOT NULL",
            "experiment_id, number, design, plan, sha256, submitted_by, approved_by, locked_by, locked_at",
        ),
        frozen_when(
            "experiments_experiment",
            "OLD.started_at IS NOT NULL",
            "key, kind, flag, environment, unit_type, assigned_here, started_at",
        ),
        frozen_when(
            "experiments_phase",
            "TRUE",
            "experiment_id, version_id, coverage_ppm, reason, started_by, started_at",
        ),
        insert_only("experiments_decision"),
    ]
