from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_teams_end"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="data_exported_at",
            field=models.DateTimeField(null=True),
        ),
    ]
