from django.db import migrations

# The hashes are SHA-256 of the terms as sorted JSON; they never change with the code.
FORWARD = """
INSERT INTO sla_policy (
    id, scope_kind, severity, version, state, inherit, threshold_minutes, penalty_per_minute,
    reward_base, maintenance_notice_hours, effective_at, content_hash, reason,
    proposed_by, proposed_at, decided_by, decided_at
)
SELECT id::uuid, 'default', severity, 1, 'published', false, threshold, penalty, reward, 0,
       '1970-01-01T00:00:00Z', hash, 'The terms the product starts with.', 'sla', now(), 'sla', now()
FROM (VALUES
    ('00000000-0000-7000-8000-000000000001', 'critical', 15, 100, 750,
     'f69e05d4745f8b46a374891580c72916c189cfb7ea369ebc4bf045cf38b8a8ab'),
    ('00000000-0000-7000-8000-000000000002', 'high', 30, 50, 750,
     'e7e065ade13508d2fc815c7804b6d260bf736eb8dccfcd49a2b83395ea85470b'),
    ('00000000-0000-7000-8000-000000000003', 'medium', 60, 25, 750,
     '3cda758319ce3f38e7b134b647a66fb932662bf44cb1831fa6f372755ad42649'),
    ('00000000-0000-7000-8000-000000000004', 'low', 120, 10, 600,
     '89b1b4615652a464fa758efdee3996f5b76a501ce2df4c112c70db631e4d7882')
) AS terms (id, severity, threshold, penalty, reward, hash);
"""
BACKWARD = "DELETE FROM sla_policy WHERE scope_kind = 'default' AND version = 1;"


class Migration(migrations.Migration):
    """Version 1 of the default terms, in force since ever."""

    dependencies = [("sla", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
