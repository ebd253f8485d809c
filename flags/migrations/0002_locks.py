"""What the database itself refuses: changing what was published, taking states back, moving salts."""

from django.db import migrations

from ledger.triggers import frozen_when, insert_only

STATES = """
CREATE FUNCTION flags_version_state_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (
    ('draft', 'published'), ('draft', 'discarded'), ('published', 'superseded')
  ) THEN
    RAISE EXCEPTION 'a version that is % cannot become %', OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER flags_version_state_moves BEFORE UPDATE OF state ON flags_flagversion
FOR EACH ROW EXECUTE FUNCTION flags_version_state_moves();
"""
STATES_BACK = """
DROP TRIGGER flags_version_state_moves ON flags_flagversion;
DROP FUNCTION flags_version_state_moves();
"""

FORWARD = """
CREATE FUNCTION flags_document_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <= OLD.version THEN
    RAISE EXCEPTION 'document version % does not follow %', NEW.version, OLD.version;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER flags_document_grows BEFORE UPDATE ON flags_configdocument
FOR EACH ROW EXECUTE FUNCTION flags_document_grows();
"""
FORWARD_BACK = """
DROP TRIGGER flags_document_grows ON flags_configdocument;
DROP FUNCTION flags_document_grows();
"""

EVER_PUBLISHED = (
    "EXISTS (SELECT 1 FROM flags_flagversion v WHERE v.flag_id = OLD.id AND v.published_at IS NOT NULL)"
)


class Migration(migrations.Migration):
    dependencies = [("flags", "0001_initial")]

    operations = [
        migrations.RunSQL(STATES, STATES_BACK),
        migrations.RunSQL(FORWARD, FORWARD_BACK),
        frozen_when(
            "flags_flagversion",
            "OLD.state <> 'draft'",
            "flag_id, environment_id, number, definition, checksum, parent_id, author, edited_at, "
            "published_by, published_at, reason",
        ),
        frozen_when("flags_flag", EVER_PUBLISHED, "key, value_type, created_at"),
        frozen_when("flags_layer", "TRUE", "key, unit_type, salt_id, created_at"),
        frozen_when("flags_bucketrange", "TRUE", "layer_id, experiment, slots, allocated_at"),
        insert_only("flags_segmentversion"),
        insert_only("flags_salt"),
    ]
