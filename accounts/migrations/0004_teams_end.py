import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_parent_of_impersonation"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="team",
            name="accounts_team_name_once",
        ),
        migrations.AddField(
            model_name="team",
            name="deleted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("role", "admin"), _negated=True),
                    ("team__isnull", True),
                    _connector="OR",
                ),
                name="accounts_grant_admin_is_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="accounts_team_name_once",
            ),
        ),
    ]
