from django.db import migrations

# ENABLE ALWAYS: the replication role does not pass it either.
FORWARD = """
CREATE FUNCTION payments_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payments are never deleted' USING ERRCODE = '42501';
END $$;

CREATE TRIGGER payments_payment_no_delete BEFORE DELETE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_delete();
ALTER TABLE payments_payment ENABLE ALWAYS TRIGGER payments_payment_no_delete;
"""
BACKWARD = """
DROP TRIGGER payments_payment_no_delete ON payments_payment;
DROP FUNCTION payments_refuse_delete();
"""


class Migration(migrations.Migration):
    """No obligation disappears."""

    dependencies = [("payments", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
