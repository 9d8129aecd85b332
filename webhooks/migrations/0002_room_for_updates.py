from django.db import migrations

FORWARD = """
ALTER TABLE webhooks_delivery SET (fillfactor = 80);
ALTER TABLE webhooks_subscription SET (fillfactor = 50);
"""
BACKWARD = """
ALTER TABLE webhooks_delivery RESET (fillfactor);
ALTER TABLE webhooks_subscription RESET (fillfactor);
"""


class Migration(migrations.Migration):
    """Rows that change often keep room on their page, so that an update touches no index."""

    dependencies = [("webhooks", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
