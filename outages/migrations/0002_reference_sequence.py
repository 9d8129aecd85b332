from django.db import migrations


class Migration(migrations.Migration):
    """Where made references (OUT-000001) take their number from."""

    dependencies = [("outages", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE outages_reference", "DROP SEQUENCE outages_reference")
    ]
