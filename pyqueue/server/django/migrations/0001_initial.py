"""The table of keys and answers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The table of `IdempotencyKey`."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ("key", models.TextField()),
                ("fingerprint", models.BinaryField()),
                ("token", models.CharField(max_length=32)),
                ("claimed_at", models.FloatField()),
                ("ends_at", models.FloatField(db_index=True)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("headers", models.TextField(default="[]")),
                ("body", models.BinaryField(default=b"")),
            ],
            options={"verbose_name": "idempotency key", "db_table": "pyqueue_idempotency_key"},
        ),
    )
