from django.db import migrations

# ENABLE ALWAYS: the replication role does not pass them either. What may change is subtracted,
# so that columns which come later are protected without a word here.
FORWARD = """
CREATE FUNCTION sla_policy_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decision CONSTANT text[] := ARRAY['state', 'decided_by', 'decided_at'];
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - decision IS DISTINCT FROM to_jsonb(OLD) - decision THEN
        RAISE EXCEPTION 'terms are never edited or deleted' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION sla_result_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    course CONSTANT text[] := ARRAY['state', 'version', 'current_from', 'superseded_at'];
BEGIN
    IF TG_OP = 'DELETE'
        OR OLD.state IN ('superseded', 'discarded')
        OR to_jsonb(NEW) - course IS DISTINCT FROM to_jsonb(OLD) - course
        OR (OLD.version IS NOT NULL AND NEW.version IS DISTINCT FROM OLD.version)
        OR (OLD.current_from IS NOT NULL AND NEW.current_from IS DISTINCT FROM OLD.current_from)
    THEN
        RAISE EXCEPTION 'SLA results are never edited or deleted' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sla_policy_immutable BEFORE UPDATE OR DELETE ON sla_policy
    FOR EACH ROW EXECUTE FUNCTION sla_policy_guard();
CREATE TRIGGER sla_result_immutable BEFORE UPDATE OR DELETE ON sla_result
    FOR EACH ROW EXECUTE FUNCTION sla_result_guard();
ALTER TABLE sla_policy ENABLE ALWAYS TRIGGER sla_policy_immutable;
ALTER TABLE sla_result ENABLE ALWAYS TRIGGER sla_result_immutable;
"""
BACKWARD = """
DROP TRIGGER sla_policy_immutable ON sla_policy;
DROP TRIGGER sla_result_immutable ON sla_result;
DROP FUNCTION sla_policy_guard();
DROP FUNCTION sla_result_guard();
"""


class Migration(migrations.Migration):
    """Terms and results are what they were when they were made."""

    dependencies = [("sla", "0002_default_policies")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
