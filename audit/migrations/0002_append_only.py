from django.db import migrations

# ENABLE ALWAYS: the replication role does not pass them either. Order of names is order of firing.
FORWARD = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = '42501';
END $$;

CREATE FUNCTION audit_entry_set_tx() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tx := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_entry_tx BEFORE INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_set_tx();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_change;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_tx;
"""
BACKWARD = """
DROP TRIGGER audit_entry_no_change ON audit_entry;
DROP TRIGGER audit_entry_no_truncate ON audit_entry;
DROP TRIGGER audit_entry_tx ON audit_entry;
DROP FUNCTION audit_refuse();
DROP FUNCTION audit_entry_set_tx();
"""


class Migration(migrations.Migration):
    """Nobody changes, removes or truncates entries; the writing transaction is the database's word."""

    dependencies = [("audit", "0001_entry")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
