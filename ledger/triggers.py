"""Migration operations that let PostgreSQL itself refuse to change rows that must never change."""

from django.db.migrations import RunSQL


def insert_only(table: str) -> RunSQL:
    """Rows of `table` can be added, never updated or deleted."""
    name = f"{table}_insert_only"
    return RunSQL(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'rows of {table} are never changed or deleted'; END $$;
        CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {name}();
        """,
        f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )


def frozen_when(table: str, condition: str, columns: str) -> RunSQL:
    """Rows of `table` for which `condition` holds (an SQL expression over OLD) keep `columns` and stay.

    `frozen_when("flags_flagversion", "OLD.published_at IS NOT NULL", "definition, checksum, number")`
    """
    name = f"{table}_frozen"
    changed = " OR ".join(f"NEW.{c.strip()} IS DISTINCT FROM OLD.{c.strip()}" for c in columns.split(","))
    return RunSQL(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF ({condition}) AND (TG_OP = 'DELETE' OR ({changed})) THEN
            RAISE EXCEPTION 'this row of {table} is frozen: {columns} cannot change';
          END IF;
          RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$;
        CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {name}();
        """,
        f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )
